"""The HTML report of a run: whole, self-contained, equal to the result files, drawn by a browser."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from simulator.cli import main
from simulator.report.replay import Replay
from simulator.report.run_files import read_run
from simulator.report.scripts import vega_script

pytestmark = pytest.mark.integration

VOID = {"meta", "img", "br", "link", "input"}  # elements without an end tag
SECTIONS = ["curves", "harq", "queries", "confusion", "costs", "spec"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


class Parsed(HTMLParser):
    """The elements of a page; fails where tags are not balanced.

    Attributes:
        elements: (tag, attributes) in their order.
        texts: The text inside each element that has an id, or is a style, heading or figcaption.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.data: dict[str, object] = {}
        self.open: list[str] = []
        self.text: dict[str, str] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        if not self.open:
            return
        tag, attributes = self.elements[-1]
        if self.open[-1] == "script" and attributes.get("type"):
            self.data[str(attributes["id"])] = json.loads(data)
        else:
            self.text[tag] = self.text.get(tag, "") + data

    def values(self, chart: str) -> pd.DataFrame:
        """The data of a chart."""
        return pd.DataFrame(self.data[chart]["data"]["values"])  # type: ignore[index]


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="simulate")


def refused(*arguments: object) -> str:
    result = call("report", *arguments)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    return str(line)


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves the charting library out, which takes seconds to make."""
    monkeypatch.setattr("simulator.report.write.vega_script", lambda: "/* Vega */")


@pytest.fixture(scope="module")
def run(tiny_weights: Path, folder_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sweep") / "a run"
    given = ["--data", folder_data, "--weights", tiny_weights, "--bandwidth-mhz", 4, "--quiet"]
    given += ["--engine", "inline"]
    result = call("--scheme", "semharq,perfect", "--snr=-6,6", *given, "--out", out)
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="module")
def page(run: Path) -> Parsed:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simulator.report.write.vega_script", lambda: "/* Vega */")
        result = call("report", run, "--quiet")
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert result.stdout.strip() == f"{run}/report.html"
    return Parsed((run / "report.html").read_text("utf-8"))


def test_the_page_is_whole_and_loads_nothing(page: Parsed) -> None:
    ids = [str(attributes["id"]) for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert [name for name in ids if name in SECTIONS] == SECTIONS
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        for name in ("src", "href"):
            target = attributes.get(name)
            if target is not None:
                assert re.match("data:image/jpeg;base64,|#", target), target
                assert not target.startswith("#") or target[1:] in ids
        assert not any(name.startswith("on") for name in attributes)
        if tag == "img":
            assert attributes["alt"]
    assert "url(" not in page.text["style"]
    assert "@import" not in page.text["style"]


def test_the_curves_are_those_of_the_file(page: Parsed, run: Path) -> None:
    table = pd.read_csv(run / "curve.csv")
    for metric in ("rank1", "mAP", "color_accuracy", "transmissions", "channel_uses"):
        points = table[table["metric"] == metric].rename(columns={"scheme": "line"})
        columns = ["line", "snr_db", "value", "ci_low", "ci_high", "n"]
        order = ["line", "snr_db"]
        pd.testing.assert_frame_equal(
            page.values(f"curve-{metric}").sort_values(order, ignore_index=True),
            points[columns].sort_values(order, ignore_index=True),
            check_exact=True,
            check_dtype=False,
        )


def test_harq_and_confusions_are_those_of_the_images(page: Parsed, run: Path) -> None:
    images = pd.read_parquet(run / "images.parquet")
    mine = images[images["scheme"] == "semharq"]
    for chart, column in (("transmissions-0", "transmissions"), ("stopped_by-0", "stopped_by")):
        for row in page.values(chart).itertuples():
            here = mine[mine["snr_db"] == row.snr_db]
            assert row.images == (here[column] == row.kind).sum()
            assert row.share == row.images / len(here)
    for task in ("color", "type"):
        counts = page.values(f"confusion-{task}")
        right = counts[counts["label"] == counts["predicted"]].groupby(["scheme", "snr_db"])
        found = (
            right["images"]
            .sum()
            .reindex(
                pd.MultiIndex.from_product([["semharq", "perfect"], [-6.0, 6.0]]), fill_value=0
            )
        )
        hits = images.groupby(["scheme", "snr_db"])[f"{task}_correct"].sum()
        assert (found == hits.reindex(found.index)).all()


def test_features_per_transmission_add_up_to_the_channel_uses(page: Parsed, run: Path) -> None:
    images = pd.read_parquet(run / "images.parquet")
    counts = page.values("features-0")
    for snr_db, rows in counts.groupby("snr_db"):
        mine = images[(images["scheme"] == "semharq") & (images["snr_db"] == snr_db)]
        per_transmission = rows.groupby("transmission")["images"].first()
        expected = [(mine["transmissions"] >= t).sum() for t in per_transmission.index]
        assert per_transmission.tolist() == expected
        assert (rows["features"] * rows["images"]).sum() == pytest.approx(
            mine["channel_uses"].sum()
        )
        first = rows[rows["transmission"] == 1].set_index("kind")["features"]
        assert first["new"] > 0
        assert first["repeated"] == 0
    later = counts[(counts["transmission"] > 1) & (counts["kind"] == "repeated")]
    assert (later["features"] > 0).any()


def test_the_retrieved_images_are_those_of_the_evaluation(run: Path) -> None:
    files = read_run(run)
    replay = Replay.open(files, trust=False, progress=lambda what, done, total: None)
    rows = files.images.query("scheme == 'semharq' and snr_db == -6").set_index("image")
    asked = rows.index[rows["rank1_hit"].notna()].to_numpy()
    vehicle = replay.dataset.vehicle
    for query, places in zip(asked, replay.ranked("semharq", -6.0, asked, 5), strict=True):
        assert len(places) == 5
        assert not replay.dataset.is_query[places].any()
        assert (vehicle[places[0]] == vehicle[query]) == bool(rows["rank1_hit"][query])


@pytest.mark.usefixtures("no_library")
def test_what_cannot_be_repeated_is_left_out_with_its_reason(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("cells", "report.html"))
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    images = pd.read_parquet(tmp_path / "run" / "images.parquet")
    images.assign(transmissions=9).to_parquet(tmp_path / "run" / "images.parquet")
    for channel, options, reason in (
        ("rician", (), "code, weights or data have changed since the run"),
        ("rician", ("--no-replay",), "--no-replay was given"),
        ("toy_parts:Rayleigh", (), "it names code outside the catalog, toy_parts:Rayleigh"),
    ):
        record["spec"]["channel"] = channel
        (tmp_path / "run" / "run.json").write_text(json.dumps(record))
        result = call("report", tmp_path / "run", *options, "--quiet", "--out", tmp_path / "x.html")
        assert result.exit_code == 0, result.output
        assert f"was not repeated: {reason}" in result.stderr
        assert reason in html.unescape((tmp_path / "x.html").read_text("utf-8"))


@pytest.mark.usefixtures("no_library", "page")
def test_reports_of_a_sweep_link_each_other(run: Path) -> None:
    shutil.copytree(run, run.parent / "b#", ignore=shutil.ignore_patterns("cells"))
    result = call("report", run.parent, "--no-replay", "--quiet")
    assert result.exit_code == 0, result.output
    links = {}
    for place in (run.parent, run, run.parent / "b#"):
        text = (place / "report.html").read_text("utf-8")
        found = [attributes.get("href") for tag, attributes in Parsed(text).elements if tag == "a"]
        targets = [unquote(link) for link in found if link and not link.startswith("#")]
        links[place] = {(place / target).resolve() for target in targets}
    pages = [place.resolve() / "report.html" for place in links]
    assert links[run.parent] == {pages[1], pages[2]}
    assert links[run] == {pages[0], pages[2]}
    assert links[run.parent / "b#"] == {pages[0], pages[1]}


@pytest.mark.usefixtures("no_library")
def test_a_mistake_is_one_line(run: Path, tmp_path: Path) -> None:
    assert "holds no finished run" in refused(tmp_path)
    assert "unknown scheme 'semhark': nearest: 'semharq'" in refused(run, "--scheme", "semhark")
    assert "the run has no SNR of 1 dB: -6, 6" in refused(run, "--snr", 1)


def test_without_the_library_the_extra_is_named(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    assert "pip install 'semharq-sim[report]'" in refused(run)


# In a browser

#: Reports what a browser made of a page: one line of JSON for each of two widths.
FRAMES = """<!DOCTYPE html><body>%s<pre id="seen"></pre><script>
const seen = document.getElementById("seen");
const wait = setInterval(() => {
  const pages = [...document.querySelectorAll("iframe")].map((f) => f.contentDocument);
  const ready = (d) => d.documentElement.dataset.drawn === String(d.querySelectorAll("[data-chart]").length);
  if (!pages.every(ready)) return;
  clearInterval(wait);
  seen.textContent = JSON.stringify(pages.map((d) => ({
    width: d.documentElement.clientWidth,
    scroll: d.documentElement.scrollWidth,
    drawn: Number(d.documentElement.dataset.drawn),
    points: d.querySelectorAll("[data-chart=curve-rank1] .mark-symbol.role-mark path").length,
    paper: d.defaultView.getComputedStyle(d.body).backgroundColor,
    ink: d.querySelector("[data-chart=curve-rank1] .role-axis-label text").getAttribute("fill"),
  })));
}, 50);
</script></body>"""


@pytest.mark.parametrize("dark", [False, True])
def test_a_browser_draws_every_chart_on_a_phone_and_on_a_screen(
    dark: bool, run: Path, tmp_path: Path
) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        assert os.environ.get("SEMHARQ_REQUIRE_BROWSER") != "1", "a browser is demanded"
        pytest.skip(f"no browser on this machine: {', '.join(BROWSERS)}")
    page = tmp_path / "page.html"
    result = call("report", run, "--no-replay", "--quiet", "--out", page)
    assert result.exit_code == 0, result.output
    source = html.escape(page.read_text("utf-8"))
    frames = "".join(
        f'<iframe width="{w}" height="900" srcdoc="{source}"></iframe>' for w in (390, 1200)
    )
    (tmp_path / "frames.html").write_text(FRAMES % frames, "utf-8")
    command = [
        *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
        *("--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=20000"),
        *("--window-size=1300,1900", f"--user-data-dir={tmp_path / 'profile'}"),
        *(["--blink-settings=preferredColorScheme=0"] if dark else []),
        *("--dump-dom", (tmp_path / "frames.html").as_uri()),
    ]
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    seen = re.search(r'<pre id="seen">(.*?)</pre>', dumped)
    assert seen is not None
    assert seen[1], "the charts were not drawn"
    for width, found in zip((390, 1200), json.loads(html.unescape(seen[1])), strict=True):
        assert found["width"] == found["scroll"] == width
        assert found["drawn"] == 10
        assert found["points"] == 4  # two schemes at two SNRs
        assert found["paper"] == ("rgb(22, 25, 29)" if dark else "rgb(255, 255, 255)")
        assert found["ink"] == ("#e8eaed" if dark else "#1b1f24")


def test_the_library_is_one_script() -> None:
    script = vega_script()
    assert "window.vegaEmbed" in script
    assert "</script" not in script
    assert 500_000 < len(script) < 2_000_000
