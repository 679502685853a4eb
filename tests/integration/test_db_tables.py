"""What the tables promise, on both databases."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from astropy.io.votable.ucd import check_ucd
from sqlalchemy import Column, Engine, Integer, MetaData, Numeric, Table, create_engine, delete, insert, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from hstlc.db.engine import reading, writing
from hstlc.db.tables import BadData, Base, ExposureFile, Metadata, Output, PendingRemoval, Product, Stats
from hstlc.db.types import UtcDateTime
from hstlc.units import to_float

DOCUMENTED = {
    "metadata": "id filename path ingest_date telescop instrume targname cal_ver obstype cenwave aperture detector "
    "opt_elem fppos",
    "outputs": "id metadata_id individual_path individual_filename composite_path composite_filename",
    "bad_data": "id filename ingest_date reason",
    "stats": "id lightcurve_path lightcurve_filename total mean mu stdev poisson_factor pearson_r pearson_p "
    "periodogram deliver",
}
COLUMNS = [pytest.param(c, id=str(c)) for t in Base.metadata.sorted_tables for c in t.columns]


@pytest.mark.parametrize("column", COLUMNS)
def test_column_says_what_it_means(column: Column) -> None:
    assert {"unit", "ucd", "doc"} <= column.info.keys()
    assert len(column.info["doc"]) > 5
    if isinstance(column.type, Integer | Numeric):
        assert column.info["ucd"]
        to_float(1.0, column.info["unit"])
    if column.info["ucd"]:
        assert check_ucd(column.info["ucd"], check_controlled_vocabulary=True), column.info["ucd"]
    if column.info["unit"]:
        from astropy import units

        units.Unit(column.info["unit"])
    assert (column.name.endswith("_s")) <= (column.info["unit"] == "s")


@pytest.mark.parametrize("table", DOCUMENTED)
def test_documented_columns_are_there(engine: Engine, table: str) -> None:
    with reading(engine) as connection:
        found = MetaData()
        found.reflect(connection, only=[table])
    assert set(DOCUMENTED[table].split()) <= set(found.tables[table].columns.keys())


def test_documented_query_works(filled: Engine) -> None:
    sql = (
        "SELECT m.targname, s.poisson_factor FROM stats s JOIN outputs o ON s.lightcurve_filename = "
        "o.individual_filename JOIN metadata m ON o.metadata_id = m.id WHERE s.periodogram"
    )
    with reading(filled) as connection:
        assert connection.execute(text(sql)).all() == [("A STAR", 1.5)]


def test_values_come_back_as_they_went_in(filled: Engine) -> None:
    with reading(filled) as connection:
        row = connection.execute(select(Metadata.__table__)).mappings().one()
        stats = connection.execute(select(Stats.__table__)).mappings().one()
    assert row["extra"] == {"segments": ["A"]}
    assert row["updated_at"] == datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)
    assert row["ingest_date"] == date(2024, 5, 6)
    assert row["ra_deg"] is None
    assert stats["exposure_s"] == 1881.152  # a single-precision column would give 1881.1520
    assert stats["periodogram"] is True
    assert stats["deliver"] is False
    assert stats["interesting"] is None


def test_double_precision_and_long_text_survive(filled: Engine) -> None:
    mjd, name = 57153.123456789012, "ü" * 128
    with writing(filled) as connection:
        connection.execute(Metadata.__table__.update().values(expstart_mjd=mjd, targname=name, path="p" * 5000))
        connection.execute(Stats.__table__.update().values(total=2**40))
    with reading(filled) as connection:
        assert connection.execute(select(Metadata.expstart_mjd, Metadata.targname)).one() == (mjd, name)
        assert connection.scalar(select(Stats.total)) == 2**40


def test_same_exposure_twice_is_refused(filled: Engine) -> None:
    columns = [c.name for c in Metadata.__table__.columns if c.name != "id"]
    again = insert(Metadata).from_select(columns, select(*(Metadata.__table__.c[name] for name in columns)))
    with pytest.raises(IntegrityError), writing(filled) as connection:
        connection.execute(again)


def test_unknown_state_of_a_file_is_refused(filled: Engine) -> None:
    with pytest.raises(IntegrityError), writing(filled) as connection:
        connection.execute(ExposureFile.__table__.update().values(state="lost"))


def test_deleting_an_exposure_takes_its_outputs_and_frees_its_files(filled: Engine) -> None:
    with writing(filled) as connection:
        connection.execute(delete(Metadata))
        assert connection.execute(select(Output.id)).all() == []
        assert connection.execute(select(ExposureFile.metadata_id)).all() == [(None,)]
        assert len(connection.execute(select(BadData.id)).all()) == 1


def test_deleting_a_product_takes_its_stats_and_frees_the_output(filled: Engine) -> None:
    with writing(filled) as connection:
        connection.execute(delete(Product))
        assert connection.execute(select(Stats.id)).all() == []
        row = connection.execute(select(Output.individual_product_id, Output.individual_filename)).one()
    assert row == (None, "lz0001aaq_curve.fits")


def test_output_of_no_exposure_is_refused(engine: Engine) -> None:
    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.execute(insert(Output), {"metadata_id": 1})


def test_moments_come_back_in_utc(database_url: str) -> None:
    engine = create_engine(database_url)
    table = Table("moment", MetaData(), Column("at", UtcDateTime))
    summer = datetime(2024, 7, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET TIME ZONE 'Asia/Tokyo'")
        table.create(connection)
        connection.execute(insert(table), [{"at": summer}, {"at": None}])
        found = connection.scalars(select(table.c.at)).all()
        later = connection.scalars(select(table.c.at).where(table.c.at > summer - timedelta(seconds=1))).all()
        with pytest.raises(StatementError, match="has no time zone") as caught:
            connection.execute(insert(table), {"at": datetime(2024, 7, 1)})
    engine.dispose()
    assert found == [datetime(2024, 6, 30, 23, 30, tzinfo=UTC), None]
    assert found[0].tzinfo is UTC or found[0].utcoffset() == timedelta(0)
    assert later == found[:1]
    assert isinstance(caught.value.orig, ValueError)


@pytest.mark.parametrize("path", ["/data/GJ-436", "", "filesystem/é", "/data/caf\udce9\udcff", "/a%20b\udc80"])
def test_paths_of_any_bytes_come_back(engine: Engine, path: str) -> None:
    with writing(engine) as connection:
        connection.execute(insert(PendingRemoval).values(path=path, sha256="", kept_path=path))
    with reading(engine) as connection:
        assert tuple(connection.execute(select(PendingRemoval.path, PendingRemoval.kept_path)).one()) == (path, path)
