// The table of light curves: how many there are in all, and addresses without empty parameters.

const count = document.getElementById("count");
if (count) {
  const address = count.dataset.address;
  const key = `count ${address}`;
  const show = (found) => {
    const number = found.count.toLocaleString("en-US").replaceAll(",", " ");
    count.textContent = found.complete ? `${number} in all` : `more than ${number}`;
  };
  let known = null;
  try {
    known = JSON.parse(sessionStorage.getItem(key));
  } catch {
    known = null;
  }
  if (known && Date.now() - known.at < 60000) {
    show(known);
  } else {
    fetch(address, { headers: { accept: "application/json" } })
      .then((answer) => (answer.ok ? answer.json() : null))
      .then((found) => {
        if (found === null || found.count === null) return;
        show(found);
        sessionStorage.setItem(key, JSON.stringify({ ...found, at: Date.now() }));
      })
      .catch(() => {}); // the table is there without it
  }
}

const form = document.querySelector(".curves-form");
if (form) {
  const usual = [...form.querySelectorAll("input[name=columns]")].filter((box) => box.defaultChecked);
  form.addEventListener("formdata", (event) => {
    const data = event.formData;
    for (const [name, value] of [...data.entries()]) {
      if (value === "") data.delete(name);
    }
    const chosen = data.getAll("columns");
    data.delete("columns");
    const given = new URLSearchParams(location.search).has("columns");
    const same = chosen.length === usual.length && chosen.every((name, i) => name === usual[i].value);
    if (chosen.length && (given || !same)) data.set("columns", chosen.join(","));
  });
}
