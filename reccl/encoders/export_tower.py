"""Export tower: a network over feature embeddings as the same network over a matrix of features."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from reccl.data.features import FittedFeatures
from reccl.data.features.fitted import FittedFeature
from reccl.data.features.multi_hot import MultiHot
from reccl.encoders.tower import Tower


def export_tower(features: FittedFeatures, words: Mapping[str, Tensor], network: nn.Sequential, ids: int) -> Tower:
    """The output of a network for nodes without an id part, as a function of their features alone.

    The network's inputs are [0 ; w_1 ; w_2 ; .. ; numbers]: `ids` zeros, an embedding of each feature of words, and the
    columns of the others. With T_f [V, d] the table of feature f, row 0 for unknown words, and W_f the columns of the
    first layer W that read it, the first layer W x + b is

    b + sum_f W_f T_f0 + sum_f W_f (T_f[1:] - T_f0)' z_f + W_numbers z   for one word per node, z_f [V - 1] one-hot;
    W_f T_f[1:]' z_f   for any number of words, whose z_f sums to 1: an embedding is then the mean of its words.

    Args:
        features: what the matrix is made of; those of several words are normalized to 1.
        words: tables by feature, in the network's order.
        network: linear layers with ReLU between.
        ids: inputs that come before those of the features.

    """
    linear = [(layer.weight.detach(), layer.bias.detach()) for layer in network if isinstance(layer, nn.Linear)]
    (first, bias), products, at = linear[0], dict[str, Tensor](), ids
    for name, table in words.items():
        products[name], at = first[:, at : at + table.shape[1]] @ table.detach().T, at + table.shape[1]  # [out, V]
    exported, columns = list[FittedFeature](), list[Tensor]()
    for feature in features.features:
        width = len(feature.columns)
        if feature.name not in words:
            columns.append(first[:, at : at + width])
            at += width
        elif isinstance(feature.settings, MultiHot):
            feature = replace(feature, settings=feature.settings.model_copy(update={"normalize": True}))
            columns.append(products[feature.name][:, 1:])
        else:
            product = products[feature.name]
            bias = bias + product[:, 0]
            spare = product.new_zeros(len(product), width - product.shape[1] + 1)  # unknown words: counted by `bias`
            columns += [product[:, 1:] - product[:, :1], spare]
        exported.append(feature)
    return Tower(FittedFeatures(tuple(exported)), ((torch.cat(columns, 1), bias), *linear[1:]))
