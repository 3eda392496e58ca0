(() => {
  "use strict";
  const at = (id) => document.getElementById(id);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const LISTS = ["tasks", "methods", "datasets", "metrics", "results"];
  const TAKEN = { task: "tasks", dataset: "datasets", metric: "metrics" };
  let shown = null;
  let pairs = 0;
  let gold = {};
  // Fields of a result that selected words go to: those of the last one that was made or touched.
  let result = 0;

  const ask = async (path, body) => {
    const options = body === undefined ? {} : {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    };
    let response;
    try {
      response = await fetch(path, options);
    } catch {
      throw new Error("The program does not answer. Is it still running? Nothing was stored by this key.");
    }
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer;
  };
  // One thing after the other: a key that is pressed twice stores once.
  let busy = false;
  const doing = (work) => async (...given) => {
    if (busy) return;
    busy = true;
    at("alarm").textContent = "";
    try {
      await work(...given);
    } catch (error) {
      at("alarm").textContent = error.message;
    } finally {
      busy = false;
    }
  };
  const make = (name, fields = {}, ...children) => {
    const element = Object.assign(document.createElement(name), fields);
    element.append(...children);
    return element;
  };

  // Comparing.
  const count = (progress) => {
    pairs = progress.pairs;
    at("count").textContent = `${progress.labelled} of ${progress.pairs}`;
    Object.assign(document.querySelector("progress"), { max: progress.pairs || 1, value: progress.labelled });
  };
  const check = (name, value) => {
    for (const input of all(`input[name="${name}"]`)) input.checked = input.value === value;
  };
  const fill = (seen) => {
    check("verdict", seen ? seen.verdict : null);
    for (const side of ["left", "right"]) {
      for (const group of all(`#${side} [data-question]`)) {
        const field = group.dataset.question;
        check(`${side}-${field}`, seen ? (seen[side][field] ? "yes" : "no") : null);
      }
    }
    for (const group of all(".open")) group.classList.remove("open");
  };
  const show = async (place, told) => {
    shown = await ask(`pairs/${place}`);
    for (const id of ["title", "abstract"]) at(id).textContent = shown[id];
    for (const side of ["left", "right"]) at(`${side}-summary`).textContent = shown[side];
    fill(shown.seen);
    at("told").textContent = `${told ? `${told} ` : ""}Pair ${place + 1}.${shown.seen ? " Labelled; storing again changes it." : ""}`;
    at("compare").hidden = false;
    at("gold").hidden = true;
    window.scrollTo(0, 0);
    at("title").focus({ preventScroll: true });
  };
  const goOn = async (progress, told) => {
    count(progress);
    if (progress.next !== null) return show(progress.next, told);
    at("told").textContent = progress.pairs ? "All pairs have a label. Go back to change one, or stop the program with Ctrl-C." : "There is nothing to compare.";
    return undefined;
  };
  const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`)?.value;
  const answers = (side) => Object.fromEntries(
    all(`#${side} [data-question]`).map((group) => {
      const field = group.dataset.question;
      return [field, chosen(`${side}-${field}`) === "yes"];
    }),
  );
  at("label").addEventListener("submit", (event) => {
    event.preventDefault();
    const open = all("#label [data-question]").filter((group) => !group.querySelector(":checked"));
    for (const group of all("#label [data-question]")) group.classList.toggle("open", open.includes(group));
    if (open.length) {
      at("told").textContent = `Not answered yet: ${open.length}. The next one has the focus.`;
      open[0].querySelector("input").focus();
      return;
    }
    store();
  });
  const store = doing(async () => {
    const label = { pair: shown.pair, verdict: chosen("verdict"), left: answers("left"), right: answers("right") };
    await goOn(await ask("labels", label), "Stored.");
  });
  at("undo").addEventListener("click", doing(async () => {
    const undone = await ask("undo", {});
    count(await ask("progress"));
    await show(undone.place, "Taken back; correct it and store it again.");
    fill(undone.seen);
  }));
  const step = (by) => doing(async () => {
    const place = shown.place + by;
    if (place >= 0 && place < pairs) await show(place);
    else at("told").textContent = by < 0 ? "This is the first pair." : "This is the last pair.";
  });
  at("back").addEventListener("click", step(-1));
  at("forward").addEventListener("click", step(1));
  at("open-standing").addEventListener("click", doing(async () => {
    const { lines } = await ask("standing");
    at("lines").replaceChildren(...lines.map((line) => make("li", { textContent: line })));
    at("standing").showModal();
  }));
  at("help-button").addEventListener("click", () => at("help").showModal());

  // Gold. A list that is null was not labelled; what is picked or said to be none makes it one.
  const words = at("words");
  const nameOf = (list, item) => (list === "methods" ? item.name : item);
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
  const describe = (list, item) => {
    if (list === "results") return `${item.value}${item.unit && ` ${item.unit}`}${item.metric ? ` ${item.metric}` : ""}: “${item.evidence}”`;
    return list === "methods" ? `${item.name}, ${item.role}` : item;
  };
  const add = (list, item) => {
    gold[list] = gold[list] ?? [];
    const place = gold[list].findIndex((one) => same(nameOf(list, one), nameOf(list, item)));
    if (list === "results" || place < 0) gold[list].push(item);
    else gold[list][place] = item;
    if (list === "results") result = gold.results.length - 1;
    draw(list);
  };
  const remove = (list, place) => {
    gold[list].splice(place, 1);
    if (!gold[list].length) gold[list] = null;
    result = Math.min(result, Math.max(0, (gold.results ?? []).length - 1));
    draw(list);
    document.querySelector(`[data-part="${list}"] .none`).focus();
  };
  const removal = (list, place, name) => {
    const button = make("button", { type: "button", textContent: "Remove" });
    button.setAttribute("aria-label", `Remove ${name}`);
    button.addEventListener("click", () => remove(list, place));
    return button;
  };
  const roles = (item) => {
    const select = make("select", {}, ...["proposed", "used", "compared"].map((role) => make("option", { textContent: role })));
    select.value = item.role;
    select.setAttribute("aria-label", `Role of ${item.name}`);
    select.addEventListener("change", () => { item.role = select.value; draw("methods"); });
    return select;
  };
  const FIELDS = [
    ["value", "Value"], ["unit", "Unit"], ["metric", "Metric"], ["dataset", "Data set"], ["method", "Method"],
    ["baseline_value", "Baseline value"],
  ];
  const resultRow = (item, place) => {
    const row = make("li", { className: "result" });
    row.setAttribute("aria-label", `Result ${place + 1}`);
    row.addEventListener("focusin", () => { result = place; });
    const field = (name, title, input) => {
      input.value = item[name] ?? "";
      input.addEventListener("input", () => { item[name] = input.value.trim() || (name === "unit" ? "" : null); });
      row.append(make("label", { className: name === "evidence" ? "wide" : "" }, title, input));
    };
    for (const [name, title] of FIELDS) {
      const input = make("input", { dir: "auto" });
      if (["metric", "dataset", "method"].includes(name)) input.setAttribute("list", `${name}s-list`);
      field(name, title, input);
    }
    field("kind", "Kind", make("select", {}, ...["absolute", "change", "finding"].map((kind) => make("option", { textContent: kind }))));
    field("evidence", "Evidence", make("textarea", { rows: 2, dir: "auto" }));
    row.append(removal("results", place, `result ${place + 1}`));
    return row;
  };
  const row = (list, item, place) => {
    if (list === "results") return resultRow(item, place);
    const name = nameOf(list, item);
    return make("li", {}, make("span", { textContent: name, dir: "auto" }), ...(list === "methods" ? [roles(item)] : []), removal(list, place, name));
  };
  const draw = (list) => {
    const part = document.querySelector(`[data-part="${list}"]`);
    const items = gold[list] ?? [];
    part.querySelector(".picked").replaceChildren(...items.map((item, place) => row(list, item, place)));
    const left = (shown.offers[list] ?? []).filter((offer) => !items.some((item) => same(item, offer)));
    part.querySelector(".offers").replaceChildren(...left.map((offer) => {
      const button = make("button", { type: "button", textContent: `+ ${describe(list, offer)}` });
      button.addEventListener("click", () => {
        add(list, structuredClone(offer));
        (part.querySelector(".offers button") ?? part.querySelector(".none")).focus();
      });
      return button;
    }));
    const none = part.querySelector(".none");
    none.checked = gold[list] !== null && gold[list] !== undefined && !items.length;
    none.disabled = items.length > 0;
    const names = at(`${list}-list`);
    if (names) names.replaceChildren(...items.map((item) => make("option", { value: nameOf(list, item) })));
  };
  for (const list of LISTS) {
    const none = document.querySelector(`[data-part="${list}"] .none`);
    none.addEventListener("change", () => { gold[list] = none.checked ? [] : null; });
  }
  const take = (what) => {
    const selected = words.value.slice(words.selectionStart, words.selectionEnd).trim();
    at("alarm").textContent = "";
    if (!selected) {
      at("told").textContent = "Select the words first.";
      return;
    }
    if (what in TAKEN) add(TAKEN[what], selected);
    else if (["proposed", "used", "compared"].includes(what)) add("methods", { name: selected, role: what });
    else if (what === "result") {
      const value = selected.match(/\d+(?:[.,]\d+)*/)?.[0] ?? null;
      add("results", { value, unit: "", metric: null, dataset: null, method: null, baseline_value: null, kind: "absolute", evidence: selected });
    } else if (gold.results?.length) {
      gold.results[result][what] = selected;
      draw("results");
    } else {
      at("told").textContent = "Select the evidence of a result first.";
      return;
    }
    at("told").textContent = `Taken: ${selected}`;
  };
  for (const button of all("[data-take]")) button.addEventListener("click", () => take(button.dataset.take));
  // It is a field for text because only there the keyboard selects words everywhere; nothing in it changes.
  words.addEventListener("beforeinput", (event) => event.preventDefault());
  for (const kind of ["drop", "paste", "cut"]) words.addEventListener(kind, (event) => event.preventDefault());
  const openGold = () => {
    gold = structuredClone(shown.gold);
    result = 0;
    words.value = `${shown.title}\n\n${shown.abstract}`;
    at("tldr").value = gold.tldr ?? "";
    at("contribution").value = gold.contribution ?? "";
    at("problems").textContent = "";
    for (const list of LISTS) draw(list);
    at("compare").hidden = true;
    at("gold").hidden = false;
    at("told").textContent = shown.has_gold ? "This is what you have stored for this paper." : "";
    window.scrollTo(0, 0);
    words.focus({ preventScroll: true });
    words.setSelectionRange(0, 0);
  };
  const closeGold = (told) => {
    at("gold").hidden = true;
    at("compare").hidden = false;
    at("told").textContent = told;
    window.scrollTo(0, 0);
    at("title").focus({ preventScroll: true });
  };
  at("open-gold").addEventListener("click", openGold);
  at("close-gold").addEventListener("click", () => closeGold("Gold was not stored."));
  for (const button of all("[data-copy]")) {
    button.addEventListener("click", () => { at("tldr").value = shown[button.dataset.copy]; at("tldr").focus(); });
  }
  const missing = () => (gold.results ?? []).flatMap((item, place) => (
    ["value", "evidence"].filter((field) => !item[field]).map((field) => `result ${place + 1}: ${field} is missing`)
  ));
  const storeGold = doing(async () => {
    const given = { ...gold, tldr: at("tldr").value.trim() || null, contribution: at("contribution").value || null };
    const open = missing();
    if (!open.length) {
      const stored = await ask("gold", { pair: shown.pair, gold: given });
      if (stored.gold) {
        Object.assign(shown, { gold: stored.gold, has_gold: true });
        closeGold("Gold is stored.");
        return;
      }
      open.push(...stored.problems.map((problem) => `${problem.field}: ${problem.message}`));
    }
    at("problems").textContent = `Not stored.\n${open.join("\n")}`;
  });
  at("gold-form").addEventListener("submit", (event) => { event.preventDefault(); storeGold(); });

  // Keys.
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    const inGold = !at("gold").hidden;
    if (inGold && event.key === "Escape") {
      event.preventDefault();
      closeGold("Gold was not stored.");
      return;
    }
    if (inGold && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      storeGold();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !shown) return;
    if (event.key === "Enter" ? event.target.matches("button, summary, input[type='checkbox']") : !at("single-keys").checked) return;
    const letter = event.key.toLowerCase();
    let pressed = null;
    if (inGold) {
      if (event.target === words) pressed = document.querySelector(`[data-word-key="${CSS.escape(letter)}"]`);
    } else {
      // A sign that needs shift on some keyboards is named as it is.
      const name = event.shiftKey && /^\p{L}$/u.test(letter) ? `shift+${letter}` : letter;
      pressed = document.querySelector(`[data-key="${CSS.escape(name)}"]`);
    }
    if (!pressed) return;
    event.preventDefault();
    if (event.repeat) return;
    pressed.click();
    if (pressed.matches("input")) pressed.focus({ preventScroll: true });
  });

  doing(async () => goOn(await ask("progress")))();
})();
