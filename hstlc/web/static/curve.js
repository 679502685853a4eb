// The page of a light curve: the form asks, the server answers, plots show it, the address keeps it.

import {sums} from "./curve-bins.js";
import {arrange, dataQuery, offerBands, pageQuery, queryText, selectedTime, selectionQuery, value} from "./curve-form.js";
import {element, secondsText, text, whenThemeChanges} from "./curve-look.js";
import {RatePlot} from "./curve-rate.js";
import {Requests} from "./curve-requests.js";
import {SpectrumPlot} from "./curve-spectrum.js";
import {drawStamps} from "./curve-stamps.js";
import {showBins, showLegend, showSettings} from "./curve-text.js";

const at = (id) => document.getElementById(id);
const live = at("live");
const form = at("controls");
const requests = new Requests(live.dataset.api);
const rate = new RatePlot(at("curve-plot"), {chosen: choose, zoomed: zoom});
const spectrum = new SpectrumPlot(at("spectrum-plot"), at("peaks"), fold);

/** Where the message of an error belongs, and the fields at fault. */
const PLACES = {
  "usage.bin-width": ["bins-error", ["binning", "bin", "counts", "blocks"]],
  "usage.band": ["band-error", ["band", "low", "high"]],
  "usage.barycenter": ["time-error", ["time"]],
  "usage.fold": ["fold-error", ["fold", "phase_bins", "epoch"]],
  "usage.time-range": ["selection-error", ["start", "stop"]],
};

const PAUSE_MS = 80; // changes that come so soon one after the other are one
const LEAST_BINS = 5; // of a periodogram
let soon = 0;
let shown = null; // the answer that the plot shows
const asked = {data: null, periodogram: null, stamp: null}; // queries of what is shown, so that nothing is asked twice

function candidates() {
  const zero = shown.meta.reference_mjd;
  return [...document.querySelectorAll("a.candidate")].map(({dataset}) =>
    [dataset.fromMjd, dataset.toMjd].map((mjd) => (Number(mjd) - zero) * 86400));
}

function how() {
  return {
    ...Object.fromEntries(["axis", "scale", "errors"].map((name) => [name, value(form, name)])),
    candidates: candidates(),
    selected: selectedTime(form),
    zoom: value(form, "zoom") ? value(form, "zoom").split(",").map(Number) : null,
  };
}

/** Write what the form says into the address and the links to downloads. */
function keep() {
  const query = queryText(pageQuery(form));
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
  for (const link of document.querySelectorAll("a[data-format]")) {
    const wanted = dataQuery(form);
    wanted.set("format", link.dataset.format);
    link.href = `${requests.api}/data?${queryText(wanted)}`;
  }
}

function clearErrors() {
  for (const [place, fields] of Object.values(PLACES)) {
    at(place).textContent = "";
    for (const field of fields) at(field).removeAttribute("aria-invalid");
  }
  at("general-error").textContent = "";
}

function words(error) {
  return error.hint ? `${error.message}: ${error.hint}` : error.message;
}

function showError(error) {
  const [place, fields] = PLACES[error.code] ?? ["general-error", []];
  at(place).textContent = words(error);
  for (const field of fields) if (at(field).offsetParent) at(field).setAttribute("aria-invalid", "true");
  at("status").textContent = shown ? "What is shown has not changed: see the message." : "";
}

function busy(on) {
  at("curve-figure").setAttribute("aria-busy", String(on));
  if (on) at("status").textContent = "Working…";
}

/** Do it when nothing has changed for a moment. */
function updateSoon() {
  clearTimeout(soon);
  soon = setTimeout(update, PAUSE_MS);
  at("curve-figure").setAttribute("aria-busy", "true");
}

/** Ask for what the form says and show it. */
async function update() {
  clearTimeout(soon);
  arrange(form, shown?.meta);
  const wrong = [...form.elements].find((field) => field.offsetParent && !field.checkValidity());
  if (wrong) {
    wrong.reportValidity();
    if (!requests.waiting("data")) busy(false);
    return;
  }
  keep();
  clearErrors();
  const query = dataQuery(form).toString();
  try {
    if (query !== asked.data) {
      if (requests.asking("data", query)) return; // the answer will be shown as the form is then
      busy(true);
      const answer = await requests.get("data", dataQuery(form));
      if (answer === null) return;
      [shown, asked.data] = [answer, query];
      learn(answer.meta);
    }
    await showCurve();
  } catch (error) {
    if (!shown) await showStored();
    showError(error);
    return;
  } finally {
    if (!requests.waiting("data")) busy(false);
  }
  await showSelected();
}

/** Show the light curve as it is stored where what the address asks for cannot be had. */
async function showStored() {
  try {
    const answer = await requests.get("data", new URLSearchParams());
    if (answer === null) return;
    shown = answer;
    learn(answer.meta);
    await showCurve();
  } catch {
    shown = null; // then the first message says what is wrong
  }
}

/** Take over what only the first answer tells: the bands, the reference of times. */
function learn(meta) {
  offerBands(form, meta);
  at("time").querySelector("[value=tdb]").disabled = !meta.position && value(form, "time") !== "tdb";
  const [from, to] = ["from_mjd", "to_mjd"].map((id) => at(id).value);
  if (from && to && !selectedTime(form)) {
    [["start", from], ["stop", to]].forEach(([id, mjd]) => {
      at(id).value = ((Number(mjd) - meta.reference_mjd) * 86400).toFixed(3);
    });
  }
  at("from_mjd").value = at("to_mjd").value = "";
  arrange(form, meta);
  keep();
}

async function showCurve() {
  const {summary, meta} = shown;
  at("curve-figure").hidden = false;
  await rate.draw(shown, how());
  const bins = `${text(summary.bins)} bins`;
  const flagged = summary.flagged_bins ? `, ${text(summary.flagged_bins)} of them flagged` : "";
  const error = summary.rate_error_ct_s === null || summary.rate_error_ct_s === undefined
    ? "" : ` ± ${text(summary.rate_error_ct_s, 2)}`;
  at("status").textContent = [
    `${bins}${flagged}`,
    `gross ${text(summary.counts, 6)} counts`,
    `background ${text(summary.background)}`,
    `live ${text(summary.exposure_s, 6)} s`,
    `rate ${text(summary.rate_ct_s)}${error} counts/s`,
  ].join(" · ");
  const events = shown.events === null
    ? "The bins of the stored light curve." : `${text(shown.events)} events read in ${text(shown.seconds, 2)} s.`;
  const from = meta.from === "events"
    ? events : "Put together from the bins of the stored light curve: its photon lists are not here.";
  const grouped = rate.group > 1 ? ` Each line spans lowest and highest of ${rate.group} bins; zoom in to see them.` : "";
  at("curve-caption").textContent = `${limits(meta.selection)}${from}${grouped}`;
  showLegend(at("curve-legend"), rate, shown);
  showBins(at("bins-table"), shown);
  at("bins-box").hidden = false;
  at("png").hidden = false;
  at("zoom-out").hidden = !value(form, "zoom") || Boolean(meta.fold);
  at("snippet-box").hidden = !shown.snippet;
  at("snippet").textContent = shown.snippet ?? "";
}

function limits(selection) {
  return selection ? `${selection.replace(" .. ", " to ").replaceAll("Angstrom", "Å")}. ` : "";
}

/** Show what belongs to the selected time: numbers, periodogram, picture of the photons. */
async function showSelected() {
  const time = selectedTime(form);
  at("unselect").hidden = at("zoom-in").hidden = !time || Boolean(shown.meta.fold);
  rate.select(time);
  showSums(time);
  for (const place of document.querySelectorAll("[data-of]")) place.textContent = time ? "of the selected time" : "";
  const query = selectionQuery(form);
  if (time) {
    query.set("start", time[0]);
    query.set("stop", time[1]);
  }
  if (time && tooFew(time)) {
    asked.periodogram = null;
    await showSpectrum({frequency_hz: [], peaks: [], note: "Too few bins in the selected time for a periodogram."});
  } else {
    await showPart("periodogram", query, showSpectrum,
      (note) => showSpectrum({frequency_hz: [], peaks: [], note}));
  }
  query.delete("time");
  query.delete("background");
  await showPart("stamp", query, (answer) => {
    at("stamp-figure").hidden = drawStamps(at("stamps"), answer) === 0;
    at("stamp-caption").textContent = answer.note ?? "";
  }, (words) => {
    at("stamps").replaceChildren();
    at("stamp-caption").textContent = words;
  });
}

/** Whether the stored bins, which a periodogram is made of, are seen and too few are in a stretch of time. */
function tooFew([start, stop]) {
  const {data, meta} = shown;
  if (meta.binning !== "stored" || meta.fold || meta.time !== "utc") return false;
  return data.time.filter((one) => one >= start && one <= stop).length < LEAST_BINS;
}

async function showSpectrum(answer) {
  at("spectrum-figure").hidden = false;
  at("spectrum-caption").textContent = answer.frequency_hz.length
    ? `${answer.method}; dashed: power that noise reaches with such a probability` : "";
  await spectrum.draw(answer);
}

async function showPart(kind, query, draw, failed) {
  const wanted = query.toString();
  if (wanted === asked[kind]) return;
  try {
    const answer = await requests.get(kind, query);
    if (answer === null) return;
    asked[kind] = wanted;
    await draw(answer);
  } catch (error) {
    asked[kind] = null;
    failed(words(error));
  }
}

function showSums(time) {
  const place = at("selected");
  if (!time || shown.meta.fold || shown.meta.time !== "utc") {
    place.textContent = time ? "Numbers of the selected time are shown for times in UTC that are not folded." : "";
    return;
  }
  const found = sums(shown.data, ...time);
  const net = (found.counts - found.background) / found.exposure;
  const parts = [
    `Bins of the selected time: ${secondsText(found.start)} to ${secondsText(found.stop)} s`,
    `${text(found.bins)} ${found.bins === 1 ? "bin" : "bins"}`,
    `gross ${text(found.counts, 6)} counts`,
    `background ${text(found.background)}`,
    `live ${text(found.exposure, 6)} s`,
    `rate ${text(net)} counts/s`,
  ];
  place.textContent = found.bins ? parts.join(" · ") : "No bin in the selected time.";
}

function choose(start, stop) {
  at("start").value = String(Number(start.toFixed(3)));
  at("stop").value = String(Number(stop.toFixed(3)));
  update();
}

function zoom(limits) {
  at("zoom").value = limits ? limits.map((one) => Number(one.toPrecision(9))).join(",") : "";
  at("zoom-out").hidden = !limits;
  keep();
}

function zoomTo(limits) {
  zoom(limits);
  update();
  at("start").focus();
}

function fold(period) {
  at("fold").value = String(Number(period.toPrecision(9)));
  update();
  at("fold").focus();
}

async function savePicture() {
  const address = URL.createObjectURL(await rate.picture());
  const name = `${shown.name.replace(/\.fits$/, "")}.png`;
  element("a", "", {href: address, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

async function copySnippet() {
  let done = false;
  try {
    await navigator.clipboard.writeText(at("snippet").textContent);
    done = true;
  } catch { // only pages of this machine or over HTTPS may write to the clipboard
    getSelection().selectAllChildren(at("snippet"));
  }
  at("copied").textContent = done ? "Copied." : "Marked: copy it with the keyboard.";
}

async function openSettings() {
  const box = at("settings-box");
  if (!box.open || at("settings").childElementCount) return;
  try {
    const answer = await requests.get("provenance", new URLSearchParams());
    if (answer) showSettings(at("settings"), answer);
  } catch (error) {
    at("settings").textContent = words(error);
  }
}

function begin() {
  arrange(form, null);
  form.addEventListener("change", updateSoon);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    update();
  });
  at("zoom-in").addEventListener("click", () => zoomTo(selectedTime(form)));
  at("zoom-out").addEventListener("click", () => zoomTo(null));
  at("unselect").addEventListener("click", () => {
    at("start").value = at("stop").value = "";
    update();
    at("start").focus();
  });
  for (const link of document.querySelectorAll("a.candidate")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const zero = shown?.meta.reference_mjd;
      if (zero === undefined) return;
      choose(...[link.dataset.fromMjd, link.dataset.toMjd].map((mjd) => (Number(mjd) - zero) * 86400));
      live.scrollIntoView();
    });
  }
  at("png").addEventListener("click", savePicture);
  at("copy").addEventListener("click", copySnippet);
  at("settings-box").hidden = false;
  at("settings-box").addEventListener("toggle", openSettings);
  whenThemeChanges(() => {
    asked.periodogram = asked.stamp = null;
    if (shown) showCurve().then(showSelected);
  });
  update();
}

begin();
