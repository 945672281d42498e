"""Result: what a study has found, as rows, claims and files."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reccl.lazy import pl
from reccl.published import Figure, unlock
from reccl.studies.cell import Cell, CellResult, Group, Tuned
from reccl.studies.claims import Claim, make_claims
from reccl.studies.load import Study
from reccl.studies.rows import Row, collect, make_row, measure
from reccl.studies.settings import StudySettings
from reccl.studies.table import as_csv, latex, markdown, published_markdown


@dataclass(frozen=True)
class StudyResult:
    """What a study has found on test rows, which chose nothing."""

    settings: StudySettings
    rows: tuple[Row, ...]
    """A row for each method on each data set, best first on each."""
    claims: tuple[Claim, ...]
    """About every pair of methods, or every method and the baseline."""
    folder: Path
    """Where results.md, results.tex, results.csv, claims.txt, and forest.png are."""
    run: str
    """Id of the study's run in MLflow, whose children are all runs."""
    runs: tuple[str, ...]
    """Ids of the finished runs."""
    interrupted: bool = False
    """Whether Ctrl-C ended it; the same command goes on."""
    published: Mapping[str, tuple[Figure, ...]] = field(default_factory=dict)
    """Data set -> what others report for its very split, best NDCG first; none for a split that is no published one."""

    @property
    def failed(self) -> int:
        """How many rows have a run that failed."""
        return sum("failed" in row.note for row in self.rows)

    def markdown(self) -> str:
        """The table as Markdown, and what others report for its data sets where their splits are published ones."""
        return markdown(self.rows, self.settings.metrics) + published_markdown(self.published)

    def latex(self) -> str:
        """The table as LaTeX (booktabs)."""
        return latex(self.rows, self.settings.metrics, f"{self.settings.name}: {'; '.join(self.notes())}")

    def csv(self) -> str:
        """The table as CSV, numbers in full."""
        return as_csv(self.rows, self.settings.metrics)

    def to_frame(self) -> "pl.DataFrame":
        """The table as a frame."""
        return pl.read_csv(self.csv().encode(), infer_schema_length=None)

    def claims_text(self) -> list[str]:
        """A line for each claim."""
        return [claim.sentence() for claim in self.claims]

    def notes(self) -> list[str]:
        """What one has to know to read the table and the claims."""
        settings, draws = self.settings, self.settings.draws()
        runs = sum(len(seeds) for _, seeds in draws)
        if len(draws) > 1:
            over = f"over users and {len(draws)} splits"
        elif runs > 1:
            over = f"over users and {runs} seeds"
        else:
            over = "over users; one run each, so that other seeds may differ by more"
        compared = sum(len(claim.findings) for claim in self.claims)
        return [
            f"tuning budget of each method and split: {settings.budget.describe()}",
            f"95% intervals {over}",
            f"{compared} comparison{'s' * (compared != 1)} by {settings.metrics[0]}, adjusted together (Holm, 5%)",
        ]

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "study": self.settings.name,
            "run": self.run,
            "folder": str(self.folder),
            "metrics": list(self.settings.metrics),
            "budget": self.settings.budget.model_dump(),
            "rows": [{**asdict(row)} for row in self.rows],
            "published": {data: [asdict(one) for one in figures] for data, figures in self.published.items()},
            "claims": [claim.as_json() for claim in self.claims],
            "notes": self.notes(),
            "failed": self.failed,
            "interrupted": self.interrupted,
            "runs": list(self.runs),
        }


def make_result(
    study: Study,
    tuned: Mapping[Group, Tuned],
    results: Mapping[Cell, CellResult],
    folder: Path,
    run: str,
    interrupted: bool,
) -> StudyResult:
    """Rows and claims of what has come of the cells so far."""
    settings = study.settings
    first, parts, rows = settings.metrics[0], {}, list[Row]()
    for data in settings.data:
        of_data = []
        for method in settings.configs:
            parts[data, method] = collect(settings, tuned, results, data, method)
            of_data.append(make_row(settings, data, method, parts[data, method]))
        rows += sorted(of_data, key=lambda row: row.means.get(first, float("-inf")), reverse=True)
    measured = {key: measure(part, first) for key, part in parts.items()}
    claims = make_claims(measured, settings.pairs(), list(settings.data))
    runs = tuple(result.run for result in results.values() if result.run and not result.error)
    published = find_figures(settings, results)
    return StudyResult(settings, tuple(rows), tuple(claims), folder, run, runs, interrupted, published)


def find_figures(settings: StudySettings, results: Mapping[Cell, CellResult]) -> dict[str, tuple[Figure, ...]]:
    """The published figures of each data set of which all runs were measured on one published split."""
    found = {}
    for data in settings.data:
        splits = [result.split for cell, result in results.items() if cell.group.data == data and not result.error]
        if figures := unlock(splits):
            found[data] = tuple(sorted(figures, key=lambda figure: -figure.ndcg))
    return found
