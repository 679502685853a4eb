// The form: what is asked of the server, and the address that says the same.

const BINNING = {width: "bin", counts: "counts", blocks: "blocks"};
const FIRST = {width: "10", counts: "20", blocks: "0.05"};
const DEFAULTS = {background: "subtract", time: "utc", axis: "seconds", scale: "linear", errors: "yes"};

/** Return the value of a field without spaces. */
export function value(form, id) {
  return form.querySelector(`#${id}`).value.trim();
}

/** Show those fields alone that matter; give a kind of bins that was just chosen a number to begin with. */
export function arrange(form, meta) {
  const binning = value(form, "binning");
  for (const box of form.querySelectorAll("[data-for]")) box.hidden = box.dataset.for !== binning;
  const field = binning in BINNING ? form.querySelector(`#${BINNING[binning]}`) : null;
  if (field && field.value === "" && field.validity.valid) field.value = firstValue(binning, meta);
  const folded = value(form, "fold") !== "";
  for (const box of form.querySelectorAll("[data-folded]")) box.hidden = !folded;
  form.querySelector("[data-band-limits]").hidden = value(form, "band") !== "limits";
}

function firstValue(binning, meta) {
  if (binning !== "width" || !meta || !(meta.bin_width_s > 0)) return FIRST[binning];
  return String(Number((10 * meta.bin_width_s).toPrecision(3)));
}

/** Give the field of bands the names that this light curve has, and what the address chose. */
export function offerBands(form, meta) {
  const box = form.querySelector("#band-box");
  const field = form.querySelector("#band");
  if (!meta.axis || field.options.length > 1) return;
  const unit = meta.axis === "energy" ? "keV" : "Å";
  box.hidden = false;
  form.querySelector("#band-legend").textContent = meta.axis === "energy" ? "Energy" : "Wavelength";
  for (const one of box.querySelectorAll("[data-band-unit]")) one.textContent = unit;
  for (const {name, low, high} of meta.bands ?? []) {
    field.add(new Option(low === null ? name : `${name}, ${low} to ${high} ${unit}`, name));
  }
  field.add(new Option("between limits of my own", "limits"));
  box.dataset.axis = meta.axis;
  chooseBand(form);
}

function chooseBand(form) {
  const box = form.querySelector("#band-box");
  const given = box.dataset.energy || box.dataset.wavelength;
  const field = form.querySelector("#band");
  if (given) {
    const [low, high] = given.split(",");
    form.querySelector("#low").value = low ?? "";
    form.querySelector("#high").value = high ?? "";
    field.value = "limits";
  } else if (box.dataset.band) {
    const known = [...field.options].some((one) => one.value === box.dataset.band);
    if (!known) field.add(new Option(box.dataset.band, box.dataset.band)); // the server says what is wrong with it
    field.value = box.dataset.band;
  }
}

/** Return the parameters of the band: from the form, or before it knows the bands from the address. */
function bandQuery(form) {
  const {axis, energy, wavelength, band} = form.querySelector("#band-box").dataset;
  if (!axis) return Object.entries({energy, wavelength, band}).filter(([, text]) => text);
  const chosen = value(form, "band");
  if (chosen === "limits") {
    const limits = [value(form, "low"), value(form, "high")];
    return limits.every((one) => one !== "") ? [[axis, limits.join(",")]] : [];
  }
  return chosen ? [["band", chosen]] : [];
}

/** Return the parameters that choose events: band, background, time. */
export function selectionQuery(form) {
  const query = new URLSearchParams(bandQuery(form));
  for (const name of ["background", "time"]) {
    if (value(form, name) !== DEFAULTS[name]) query.set(name, value(form, name));
  }
  return query;
}

/** Return the parameters of the light curve that is shown. */
export function dataQuery(form) {
  const query = new URLSearchParams();
  const name = BINNING[value(form, "binning")];
  if (name) query.set(name, value(form, name) || "0");
  for (const [key, text] of selectionQuery(form)) query.set(key, text);
  if (value(form, "fold") !== "") {
    for (const field of ["fold", "phase_bins", "epoch"]) {
      if (value(form, field) !== "") query.set(field, value(form, field));
    }
  }
  return query;
}

/** Return the selected time, seconds after the reference; null: none, or not a whole one. */
export function selectedTime(form) {
  const [start, stop] = [value(form, "start"), value(form, "stop")];
  return start === "" || stop === "" ? null : [Number(start), Number(stop)];
}

/** Return the parameters of the page: everything that is not as it is by itself. */
export function pageQuery(form) {
  const query = dataQuery(form);
  for (const [name, usual] of Object.entries(DEFAULTS)) {
    if (value(form, name) !== usual) query.set(name, value(form, name));
  }
  const time = selectedTime(form);
  if (time) {
    query.set("start", time[0]);
    query.set("stop", time[1]);
  }
  if (value(form, "zoom") !== "") query.set("zoom", value(form, "zoom"));
  return query;
}

/** Return a query as text that people can read: with commas and colons as they are. */
export function queryText(query) {
  return query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
}
