"""Auditing: is an experiment to be believed? Each check is a number, how bad it is, and what to do about it."""

from reccl.auditing.audit import audit, audit_dataset
from reccl.auditing.candidates import Candidate
from reccl.auditing.finding import Finding, Report, Severity

__all__ = ["Candidate", "Finding", "Report", "Severity", "audit", "audit_dataset"]
