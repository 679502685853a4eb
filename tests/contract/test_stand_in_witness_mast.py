"""An independent client, astroquery, understands the stand-in's MAST: its shapes are not only our own idea of them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hstlc.testing.archive import StandIn
from hstlc.testing.archive.hst_files import EXCLUDED_TARGETS
from hstlc.testing.archive.mast import MastRouter
from hstlc.testing.archive.mast_catalog import ARCHIVE, COLUMNS
from hstlc.testing.archive.scenarios import TARGET, first_run

# In a process of its own: importing astroquery changes how tarfile unpacks, reads a configuration below the home
# folder and looks for a keyring. The address must be in that configuration, for later changes have no effect.
SCRIPT = """
import json, sys, warnings
from pathlib import Path
from astropy.coordinates import SkyCoord
from astroquery.exceptions import InvalidQueryError
from astroquery.mast import MastMissions, conf
warnings.simplefilter("error")  # of what it warns while it is imported is its own business
folder, name = sys.argv[1:]
client = MastMissions(mission="hst")
rows = client.query_criteria(
    sci_instrume="COS,STIS", sci_operating_mode="TIME-TAG", sci_targname="!DARK,!BIAS,!DEUTERIUM,!WAVE,!ANY,!NONE",
    sci_status="PUBLIC", sort_by=["sci_archive_date", "sci_data_set_name"], limit=500,
)
found = {
    "server": conf.server,
    "columns": {str(row["name"]): str(row["data_type"]) for row in client.get_column_list()},
    "datasets": [str(key) for key in rows["sci_data_set_name"]],
    "types": {column: rows[column].dtype.kind for column in ("sci_ra", "sci_pep_id", "sci_archive_date")},
}
near = client.query_region(SkyCoord(175.5462, 26.7066, unit="deg"), radius=0.5, select_cols=["sci_targname"])
found["near"] = sorted(set(near["sci_targname"].tolist()))
products = client.get_product_list(rows[:3])
found["suffixes"] = sorted(set(products["file_suffix"].tolist()))
found["unique"] = len(client.get_unique_product_list(rows)) == len(client.get_product_list(rows))
wanted = client.filter_products(products, file_suffix=["CORRTAG_A"])
manifest = client.download_products(wanted, download_dir=folder, flat=True, verbose=False)
found["downloads"] = {Path(row["Local Path"]).name: str(row["Status"]) for row in manifest}
try:
    client.query_criteria(sci_archive_date=">=yesterday")
except InvalidQueryError as error:
    found["refused"] = str(error)
secret = client.download_file(name, local_path=folder + "/secret.fits", verbose=False)
found["secret"] = [secret[0], "401" in str(secret[1])]
print(json.dumps(found))
"""


def run(archive: StandIn, folder: Path) -> dict[str, Any]:
    config = folder / "config" / "astropy"
    for place in (config, folder / "cache" / "astropy", folder / "files"):
        place.mkdir(parents=True)
    (config / "astroquery.cfg").write_text(f"[mast]\nserver = {archive.url}\n")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder / "files"), "LS0039010/ls0039a1q_corrtag_a.fits"],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("variant", ["plain", "nested", "redirect"])
def test_astroquery_searches_lists_and_downloads(variant: str, tmp_path: Path) -> None:
    world = first_run()
    with StandIn(world) as archive:
        router = archive.router(MastRouter)
        router.nested, router.redirect = variant == "nested", variant == "redirect"
        found = run(archive, tmp_path)
        assert found["server"] == archive.url
    wanted = [
        one
        for one in sorted(world.visible(ARCHIVE), key=lambda one: one.version.archived)
        if one.public
        and one.columns["sci_operating_mode"] == "TIME-TAG"
        and one.columns["sci_targname"] not in EXCLUDED_TARGETS
    ]
    assert found["columns"] == dict(COLUMNS)
    assert found["datasets"] == [one.key for one in wanted]
    assert found["types"] == {"sci_ra": "f", "sci_pep_id": "i", "sci_archive_date": "U"}
    assert found["near"] == [TARGET]
    assert found["suffixes"] == ["ASN", "CORRTAG_A", "RAWTAG_A", "X1D"]
    assert found["unique"] is True
    files = {file.name: file for one in wanted[:3] for file in one.version.files}
    assert found["downloads"] == {name: "COMPLETE" for name in files if name.endswith("corrtag_a.fits")}
    for name in found["downloads"]:
        got = hashlib.sha256((tmp_path / "files" / name).read_bytes()).hexdigest()
        assert got == hashlib.sha256(files[name].content).hexdigest()
    assert "invalid input" in found["refused"]
    assert found["secret"] == ["ERROR", True]
