"""`crossdock rates`, `customer budget`, `customer field`: what is taken, what is refused, what a dry run leaves."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import commands

Crossdock = Callable[..., tuple[int, str]]
RATES = "base,target,factor,day,source\nUSD,EUR,0.9215,2026-11-23,ECB\nGBP,EUR,1.17,2026-11-23,ECB\n"
BUDGETS = "cost_center,period,amount,currency\n4711,2026-11,20000.00,EUR\n4711,2026,150000.00,EUR\n"


@pytest.fixture(scope="module")
def crossdock(tmp_path_factory: pytest.TempPathFactory) -> Crossdock:
    data = tmp_path_factory.mktemp("figures") / "data"

    def run(*arguments: object) -> tuple[int, str]:
        environment = {"CROSSDOCK_DATA": str(data), "CROSSDOCK_BASE_URL": "https://crossdock.example", "COLUMNS": "200"}
        result = CliRunner().invoke(commands(), list(map(str, arguments)), env=environment)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    assert run("init")[0] == 0
    assert run("customer", "add", "10010", "--name", "Atlas", "--currency", "EUR") == (0, "")
    return run


def file(folder: Path, text: str) -> Path:
    path = folder / "figures.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rates_are_read_from_a_file_after_a_dry_run_that_keeps_nothing(crossdock: Crossdock, tmp_path: Path) -> None:
    rates = file(tmp_path, RATES)
    assert crossdock("rates", "import", rates, "--dry-run")[1].endswith("2 would change\n")
    assert "0.9215" not in crossdock("rates", "list")[1]
    assert crossdock("rates", "import", rates) == (0, "2 changed\n")
    assert crossdock("rates", "import", rates) == (0, "0 changed\n")
    assert "0.9215" in crossdock("rates", "list")[1]
    assert crossdock("rates", "set", "USD", "EUR", "0.93", "--day", "2026-11-24", "--source", "bank") == (
        0,
        "1 changed\n",
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("USD,EUR,0,2026-11-23,ECB", "above zero"),
        ("USD,EUR,x,2026-11-23,ECB", "is no number"),
        ("USD,EUR,NaN,2026-11-23,ECB", "is no number"),
        ("USD,USD,1,2026-11-23,ECB", "a rate is between two"),
        ("USD,XXQ,1,2026-11-23,ECB", "no ISO 4217"),
        ("USD,EUR,1,23.11.2026,ECB", "line 3"),
        ("USD,EUR,1,2026-11-23,", "who published"),
    ],
)
def test_one_bad_rate_keeps_all_of_them_out(crossdock: Crossdock, tmp_path: Path, row: str, said: str) -> None:
    text = f"base,target,factor,day,source\nCHF,EUR,1.0{len(row)},2026-11-23,ECB\n{row}\n"
    status, told = crossdock("rates", "import", file(tmp_path, text))
    assert status == 1
    assert said in told
    assert "CHF" not in crossdock("rates", "list")[1]


def test_budgets_are_set_one_by_one_and_from_a_file(crossdock: Crossdock, tmp_path: Path) -> None:
    budgets = file(tmp_path, BUDGETS)
    assert crossdock("customer", "budgets", "10010", "--import", budgets, "--dry-run")[1].endswith("2 would change\n")
    assert crossdock("customer", "budgets", "10010", "--import", budgets) == (0, "2 changed\n")
    assert crossdock("customer", "budget", "10010", "4711", "2026-11", "25000.00", "EUR") == (0, "1 changed\n")
    told = crossdock("customer", "budgets", "10010")[1]
    assert "25000.00 EUR" in told
    assert "150000.00 EUR" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("4711", "2026-13", "1.00", "EUR"), "no month"),
        (("4711", "11/2026", "1.00", "EUR"), "no month"),
        (("4711", "2026", "a lot", "EUR"), "is no number"),
        (("4711", "2026", "1.00", "EURO"), "EURO"),
        (("", "2026", "1.00", "EUR"), "1 to 100 characters"),
    ],
)
def test_what_is_no_budget_is_refused(crossdock: Crossdock, arguments: tuple[str, ...], said: str) -> None:
    status, told = crossdock("customer", "budget", "10010", *arguments)
    assert status == 2
    assert said in told


def test_a_file_without_the_columns_and_an_unknown_customer_are_refused(crossdock: Crossdock, tmp_path: Path) -> None:
    assert (
        "line 1: the first line lacks day, factor, source"
        in crossdock("rates", "import", file(tmp_path, "base,target\n"))[1]
    )
    assert crossdock("customer", "budget", "99999", "4711", "2026", "1.00", "EUR") == (
        1,
        "there is no customer 99999\n",
    )


def test_a_customer_s_own_field_is_declared_listed_and_retired(crossdock: Crossdock) -> None:
    cost = ("customer", "field", "10010", "cost", "--type", "money", "--label", "Project cost", "--extrinsic", "Cost")
    assert crossdock(*cost) == (1, "A field of money, and no other, names its currency.\n")
    assert crossdock(*cost, "--currency", "EUR", "--line") == (0, "")
    listed = crossdock("customer", "fields", "10010")[1]
    assert "line.extra.cost" in listed
    assert "money, EUR" in listed
    assert crossdock("customer", "drop-field", "10010", "cost") == (0, "")
    code, said = crossdock("customer", "drop-field", "10010", "cost")
    assert (code, "no field 'cost'" in said) == (1, True)


def test_people_with_their_groups_and_limits_come_from_files_and_go_out_as_csv(
    crossdock: Crossdock, tmp_path: Path
) -> None:
    people = file(tmp_path, "login,name,roles,customers,groups\nann,Ann,approver,10010,finance|board\n")
    assert crossdock("person", "file", "--import", people, "--dry-run")[1].endswith("1 would change\n")
    assert crossdock("person", "file", "--import", people) == (0, "1 changed\n")
    assert "ann,Ann,,approver,10010,,board|finance,yes" in crossdock("person", "file")[1]
    limits = file(tmp_path, "login;currency;amount\nann;EUR;5.000,00\n")
    assert crossdock("person", "limits", "--import", limits) == (0, "1 changed\n")
    assert "ann,EUR,5000.00" in crossdock("person", "limits")[1]
    status, told = crossdock("person", "limits", "--import", file(tmp_path, "login,currency,amount\nbob,EUR,x\n"))
    assert (status, told.count("line 2, ")) == (1, 2)


def test_what_credit_is_left_is_set_and_told(crossdock: Crossdock) -> None:
    assert crossdock("customer", "credit", "10010") == (1, "no credit is kept for customer 10010\n")
    assert crossdock("customer", "credit", "10010", "x", "EUR")[0] == 2
    assert crossdock("customer", "credit", "10010", "5000.00", "XXQ")[0] == 2
    assert crossdock("customer", "credit", "10010", "5000.00", "eur") == (0, "")
    assert crossdock("customer", "credit", "10010")[1].startswith("5000.00 EUR on ")
