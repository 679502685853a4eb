"""Dumps and CSV files of the original's tables as rows; nothing in them is run."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.formats.original_tables import TABLES, Problem, Row, _dump_rows, read_tables
from hstlc.pipeline.original_rows import catalog

METADATA = (
    "(7,'lz01aaq_corrtag_a.fits','/x','2015-10-13','HST','COS','A-STAR','2.21','SPECTROSCOPIC',1291,"
    "'PSA','FUV','G130M',3)"
)


def rows(text, name="dump.sql"):
    return list(_dump_rows(name, text))


def values(text):
    (row,) = rows(text)
    return row.values


def quoted(text):
    """Return a text as mysqldump writes it."""
    pairs = {"\\": "\\\\", "'": "\\'", '"': '\\"', "\0": "\\0", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z"}
    return "'" + "".join(pairs.get(character, character) for character in text) + "'"


# dumps


def test_a_dump_gives_the_rows_of_the_four_tables_alone():
    text = f"""-- MySQL dump 10.13  Distrib 5.5.8; INSERT INTO `stats` VALUES (1);
/*!40101 SET NAMES utf8 */;
# (a comment, 'with a quote
DROP TABLE IF EXISTS `metadata`;
LOCK TABLES `metadata` WRITE;
INSERT INTO `metadata` VALUES {METADATA};
INSERT INTO `users` VALUES (1,'root');
INSERT INTO `bad_data` VALUES (1,'a.fits','2015-01-01','No events'),(2,'b.fits',NULL,"Short Exposure");
UNLOCK TABLES;
"""
    first, second, third = rows(text)
    assert (first.table, first.place) == ("metadata", "dump.sql, line 6")
    assert dict(zip(TABLES["metadata"], first.values.values(), strict=True)) == dict(first.values)
    assert (first.values["id"], first.values["cenwave"], first.values["opt_elem"]) == (7, 1291, "G130M")
    assert second == Row(
        "bad_data",
        "dump.sql, line 8",
        {"id": 1, "filename": "a.fits", "ingest_date": "2015-01-01", "reason": "No events"},
    )
    assert (third.values["ingest_date"], third.values["reason"]) == (None, "Short Exposure")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("'it''s'", "it's"),
        (r"'it\'s \\ \"x\" \n\t\0'", 'it\'s \\ "x" \n\t\0'),
        ('"say ""hi"" and \'so\'"', "say \"hi\" and 'so'"),
        ("'); DROP TABLE metadata; --'", "); DROP TABLE metadata; --"),
        ("'a -- b # c /* d */ ; (e), f'", "a -- b # c /* d */ ; (e), f"),
        ("_binary 'x'", "x"),
        ("b'1'", 1),
        ("NULL", None),
        ("true", True),
        ("-1.5e-3", -0.0015),
        ("+7", 7),
        ("/* five */ 5", 5),
        ("'line\none'", "line\none"),
    ],
)
def test_constants_of_a_dump(written, meant):
    found = values(f"INSERT INTO bad_data (reason) VALUES ({written});")
    assert found == {"reason": meant}
    assert type(found["reason"]) is type(meant)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_comes_back_from_a_dump(text):
    assert values(f"INSERT INTO bad_data (reason) VALUES ({quoted(text)});") == {"reason": text}
    doubled = text.replace("\\", "\\\\").replace("'", "''")
    assert values(f"INSERT INTO bad_data (reason) VALUES ('{doubled}');") == {"reason": text}


@given(st.text("'\"`\\();,-#/* \nINSERT INTO VALUES bad_data NULL 0x1.e5", max_size=80))
def test_no_text_breaks_the_reader(text):
    for found in (rows(text), rows("INSERT INTO bad_data VALUES (" + text)):
        assert all(isinstance(row, Row | Problem) for row in found)


def test_columns_come_from_insert_or_create_or_the_original():
    create = """CREATE TABLE IF NOT EXISTS `lc`.`bad_data` (
  `reason` enum('No events','Bad EXPFLAG') NOT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT COMMENT 'a, (b',
  PRIMARY KEY (`id`), UNIQUE KEY `x` (`reason`), CONSTRAINT c CHECK (id > 0)
) ENGINE=InnoDB;"""
    assert values(f"{create} REPLACE INTO lc.bad_data VALUES ('No events', 3);") == {"reason": "No events", "id": 3}
    named = "INSERT IGNORE INTO bad_data (`FILENAME`, reason) VALUES ('a', 'b') ON DUPLICATE KEY UPDATE id=VALUES(id);"
    assert values(named) == {"filename": "a", "reason": "b"}
    assert [*values("INSERT INTO bad_data VALUE (1, 'a', 'b', 'c');")] == [*TABLES["bad_data"]]


@pytest.mark.parametrize(
    "written", ["NOW()", "1+1", "(SELECT 1)", "0x41", "@x", "CONCAT('a','b')", "LOAD_FILE('/etc/passwd')", "", "1 2"]
)
def test_what_would_have_to_be_computed_is_reported_and_the_next_row_read(written):
    problem, row = rows(f"INSERT INTO bad_data (reason) VALUES ({written}),('fine');")
    assert isinstance(problem, Problem)
    assert "bad_data: expected a constant" in problem.message
    assert row.values == {"reason": "fine"}


def test_a_row_of_another_length_is_reported_and_the_next_row_read():
    problem, row = rows("\n\nINSERT INTO bad_data VALUES (1,'a'),\n(2,'b','2015-01-01','c');")
    assert problem == Problem("dump.sql, line 3", "expected 4 values for bad_data, found 2")
    assert (row.place, row.values["id"]) == ("dump.sql, line 4", 2)


@pytest.mark.parametrize("end", ["(2,'b", "(2,'b'", "(2,'b\\", "(2,`b", '(2,"b', "(2"])
def test_a_dump_that_was_cut_off_gives_the_rows_before(end):
    row, *_, problem = rows(f"INSERT INTO bad_data (id, reason) VALUES (1,'a');\nINSERT INTO bad_data VALUES {end}")
    assert row.values == {"id": 1, "reason": "a"}
    assert problem.place == "dump.sql, line 2"
    assert "the dump ends within" in problem.message


def test_insert_select_is_reported():
    (problem,) = rows("INSERT INTO bad_data SELECT * FROM other;")
    assert "expected rows after VALUES" in problem.message


# CSV


def write(path: Path, text: str, encoding: str = "utf-8") -> list[Row | Problem]:
    path.write_text(text, encoding=encoding)
    return list(read_tables(path))


def test_a_csv_file_is_known_by_its_columns(tmp_path):
    first, second = write(tmp_path / "x.csv", 'filename,reason,ingest_date\na.fits,"No, events",\nb.fits,NULL,2015\n')
    assert first == Row(
        "bad_data", "x.csv, line 2", {"filename": "a.fits", "reason": "No, events", "ingest_date": None}
    )
    assert second.values["reason"] is None
    (row,) = write(tmp_path / "x.tsv", "Metadata_ID\tcomposite_filename\n7\t\\N\n")
    assert (row.table, row.values) == ("outputs", {"metadata_id": "7", "composite_filename": None})


def test_csv_lines_that_do_not_fit_are_reported(tmp_path):
    problem, row = write(tmp_path / "x.csv", "filename,reason\na,b,c\n\nd,e\n")
    assert (problem.place, row.values["filename"]) == ("x.csv, line 2", "d")
    assert "expected 2 fields" in problem.message
    (problem,) = write(tmp_path / "x.csv", "a,b\n1,2\n")
    assert "expected the columns of one of metadata" in problem.message
    (problem,) = write(tmp_path / "x.csv", "")
    assert problem.place == "x.csv, line 1"


def test_bytes_that_are_no_utf8_are_latin1(tmp_path):
    (row,) = write(tmp_path / "d.sql", "INSERT INTO bad_data (reason) VALUES ('Ångström');", "latin-1")
    assert row.values["reason"] == "Ångström"
    (row,) = write(tmp_path / "d.sql", "\ufeffINSERT INTO bad_data (reason) VALUES ('Å');")
    assert row.values["reason"] == "Å"


# rows judged


def judged(text):
    return catalog(_dump_rows("dump.sql", text), ["hst"], "hst", ["No events"])


def test_rows_become_ours():
    second = METADATA.replace("(7,", "(8,").replace("_corrtag_a", "_corrtag_b")
    found = judged(f"""INSERT INTO metadata VALUES {second},{METADATA};
INSERT INTO outputs VALUES (1,7,'/o','lz01aaq_curve.fits',NULL,NULL),(2,8,'/o','lz01aaq_curve.fits','/c','hlsp.fits');
INSERT INTO stats VALUES (1,'/o','lz01aaq_curve.fits',12,1.5,NULL,NULL,NULL,NULL,NULL,0,1);
INSERT INTO bad_data VALUES (1,'lz02aaq_corrtag.fits','2015-01-01','No events');""")
    assert found.problems == []
    exposure = found.exposures["hst", "lz01aaq"]
    assert exposure["filename"] == "lz01aaq_corrtag_a.fits"  # of two rows of an exposure
    assert (exposure["ingest_date"], exposure["cenwave"], exposure["targname"]) == (date(2015, 10, 13), 1291, "A-STAR")
    assert found.composites == {"hlsp.fits": [("hst", "lz01aaq")]}
    assert found.statistics["lz01aaq_curve.fits"]["mean"] == 1.5
    assert found.statistics["lz01aaq_curve.fits"]["mu"] is None
    assert found.statistics["lz01aaq_curve.fits"]["deliver"] is True
    bad = found.bad["lz02aaq_corrtag.fits"]
    assert (bad["rootname"], bad["sha256"], bad["reason"]) == ("lz02aaq", "", "No events")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (METADATA.replace("1291", "'x'"), "cenwave: expected a number, found 'x'"),
        (METADATA.replace("1291", "1e300"), "cenwave"),
        (METADATA.replace("'2015-10-13'", "'0000-00-00'"), "ingest_date: expected a date"),
        (METADATA.replace("'2015-10-13'", "NULL"), "expected ingest_date, found nothing"),
        (METADATA.replace("'HST'", "'JWST'"), "telescop is 'JWST'"),
        (METADATA.replace("lz01aaq_", "../../etc/passwd"), "expected one that begins with the name of an exposure"),
        (METADATA.replace("A-STAR", "A" * 129), "targname"),
        (METADATA.replace("A-STAR", r"A\0"), "targname: expected text"),
        (METADATA.replace("'lz01aaq_corrtag_a.fits'", "''"), "expected filename"),
    ],
)
def test_a_row_that_cannot_be_taken_over_is_reported(row, said):
    found = judged(f"INSERT INTO metadata VALUES {row};")
    assert found.exposures == {}
    (problem,) = found.problems
    assert problem.place == "dump.sql, line 1"
    assert said in problem.message


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("outputs VALUES (1,9,'/o','lz01aaq_curve.fits',NULL,NULL)", "metadata_id 9"),
        ("outputs VALUES (1,7,'/o','../x_curve.fits',NULL,NULL)", "expected 'lz01aaq_curve.fits'"),
        ("metadata VALUES " + METADATA.replace("lz01", "lz02"), "another row has the id 7"),
        ("stats VALUES (1,'/o','x',NULL,1,1,1,1,1,1,0,0)", "expected total"),
        ("stats VALUES (1,'/o','x',1e30,1,1,1,1,1,1,0,0)", "more than any detector counts"),
        ("stats VALUES (1,'/o','x',1,'nan',1,1,1,1,1,0,0)", "mean: expected a finite number"),
        ("stats VALUES (1,'/o','x',1,1,1,1,1,1,1,2,0)", "periodogram: expected 0 or 1"),
        ("stats VALUES (1,'/o','x',1,1,1,1,1,1,1,0,0),(1,'/o','x',2,1,1,1,1,1,1,0,0)", "other statistics already"),
        ("bad_data VALUES (1,'lz02aaq.fits','2015-01-01','Out of mood')", "'Out of mood' is not a reason"),
    ],
)
def test_a_row_that_contradicts_another_is_reported(statement, said):
    found = judged(f"INSERT INTO metadata VALUES {METADATA}; INSERT INTO {statement};")
    assert list(found.exposures) == [("hst", "lz01aaq")]
    (problem,) = found.problems
    assert said in problem.message
