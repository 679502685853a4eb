"""Running checks: all of them, in order, everything kept."""

from hstlc.checks import Check, first_rejection, run_checks
from hstlc.model import Finding, Severity


def _check(name: str, severity: Severity, *found: tuple[str, str]) -> Check:
    return Check(name, name.title(), severity, "An explanation.", lambda *_: iter(found))


def test_all_findings_are_kept_in_the_order_of_the_checks() -> None:
    checks = [
        _check("b", Severity.FLAG, ("x", "one"), ("y", "two")),
        _check("silent", Severity.REJECT),
        _check("a", Severity.REJECT, ("", "three")),
    ]
    assert run_checks(checks, object(), object()) == (
        Finding("b", Severity.FLAG, "B", "one", "x"),
        Finding("b", Severity.FLAG, "B", "two", "y"),
        Finding("a", Severity.REJECT, "A", "three", ""),
    )


def test_a_check_gets_the_exposure_and_the_settings() -> None:
    check = Check("c", "C", Severity.FLAG, "", lambda exposure, settings: [("", f"{exposure} {settings}")])
    assert run_checks([check], "exposure", "settings")[0].message == "exposure settings"


def test_the_first_rejection_counts() -> None:
    flag, first, second = (
        Finding(name, severity, name, "")
        for name, severity in (("f", Severity.FLAG), ("r1", Severity.REJECT), ("r2", Severity.REJECT))
    )
    assert first_rejection([flag, first, second]) is first
    assert first_rejection([flag]) is None
    assert first_rejection([]) is None
