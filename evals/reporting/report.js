
"use strict";
(() => {
  const suites = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const fields = Object.fromEntries(
    ["suite", "search", "outcome", "metric", "whose", "low", "high", "order"].map((id) => [id, at(id)]));
  const rows = at("rows");
  const OUTCOMES = { answered: "answered", fault: "no answer in it", error: "error on the way", skipped: "not asked" };
  const PRICES = ["seconds", "USD"];
  const CHUNK = 40;

  // Everything that is shown is made here: names of elements are ours, and all texts become text nodes.
  const make = (name, attributes, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes ?? {})) element.setAttribute(key, value);
    element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return element;
  };
  const option = (value, text) => make("option", { value }, text);

  let suite = suites[0];
  let shown = [];
  let rendered = 0;

  const runs = () => suite.systems.filter((system) => system.kind === "run");
  const number = (value, metric, signed = false) => {
    if (value === null) return "—";
    const text = (PRICES.includes(metric.unit) ? String(Number(value.toPrecision(3))) : value.toFixed(1)).replace("-", "−");
    return signed && value > 0 ? `+${text}` : text;
  };
  const valueOf = (system, metric, place) => suite.values[system][metric]?.[place] ?? null;
  // "3" is the figure of the fourth system, "0-1" that of the first minus that of the second.
  const chosen = (place) => {
    const [one, other] = fields.whose.value.split("-").map(Number);
    const metric = Number(fields.metric.value);
    const value = valueOf(one, metric, place);
    if (other === undefined || value === null) return value;
    const second = valueOf(other, metric, place);
    return second === null ? null : value - second;
  };

  // What can be chosen depends on the suite.
  const offer = () => {
    const counts = new Map();
    suite.papers.forEach((paper) => {
      const told = new Set(paper.answers.flatMap((answer) =>
        [`outcome ${answer.outcome}`, ...(answer.failure ? [`failure ${answer.failure}`] : [])]));
      told.forEach((one) => counts.set(one, (counts.get(one) ?? 0) + 1));
    });
    const words = (told) => {
      const [kind, ...rest] = told.split(" ");
      return kind === "outcome" ? OUTCOMES[rest.join(" ")] : `failure: ${rest.join(" ")}`;
    };
    const order = [...counts.keys()].sort((one, other) => (other < one ? -1 : 1));
    fields.outcome.replaceChildren(option("", "all"), ...order.map((told) => option(told, `${words(told)} (${counts.get(told)})`)));
    fields.metric.replaceChildren(...suite.metrics.map((metric, place) => option(place, metric.title)));
    fields.metric.value = suite.main;
    const places = runs().map((_, place) => place);
    const pairs = places.flatMap((one) => places.filter((other) => other > one).map((other) => [one, other]));
    const against = suite.best === null ? [] : places.map((one) => [one, suite.best]);
    fields.whose.replaceChildren(
      ...places.map((place) => option(place, suite.systems[place].name)),
      ...[...pairs, ...against].map(([one, other]) =>
        option(`${one}-${other}`, `${suite.systems[one].name} minus ${suite.systems[other].name}`)));
    if (pairs.length > 0) fields.whose.value = pairs[0].join("-");
    at("chosen").textContent = suite.chosen;
  };

  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/\s+/g, " ");
  const texts = new WeakMap();
  const textOf = (paper) => {
    if (!texts.has(paper)) {
      const said = [paper.gold, ...paper.said].flatMap((parts) => Object.values(parts).flat());
      texts.set(paper, plain([paper.id, paper.title, paper.abstract, ...said].join("\n")));
    }
    return texts.get(paper);
  };

  const filter = () => {
    const words = plain(fields.search.value).split(" ").filter(Boolean);
    const [kind, ...rest] = fields.outcome.value.split(" ");
    const wanted = rest.join(" ");
    const [low, high] = [fields.low, fields.high].map((field) => (field.value === "" ? null : Number(field.value)));
    const keeps = (paper, place) => {
      if (wanted && !paper.answers.some((answer) => answer[kind] === wanted)) return false;
      const value = low === null && high === null ? 0 : chosen(place);
      if (value === null || (low !== null && value < low) || (high !== null && value > high)) return false;
      return words.length === 0 || words.every((word) => textOf(paper).includes(word));
    };
    shown = suite.papers.map((_, place) => place).filter((place) => keeps(suite.papers[place], place));
    sort();
    const total = `${suite.papers.length.toLocaleString("en")} paper${suite.papers.length === 1 ? "" : "s"}`;
    at("found").textContent = shown.length === suite.papers.length ? total : `${shown.length.toLocaleString("en")} of ${total}`;
    at("clear").hidden = words.length === 0 && !wanted && low === null && high === null;
    rows.replaceChildren();
    rendered = 0;
    more();
  };
  const sort = () => {
    const by = fields.order.value;
    if (by === "file") return;
    const key = { lowest: (value) => value, highest: (value) => -value, furthest: (value) => -Math.abs(value) }[by];
    const keys = new Map(shown.map((place) => {
      const value = chosen(place);
      return [place, value === null ? Infinity : key(value)];
    }));
    // Where both have no value their difference is no number, and they stay as in the file.
    shown.sort((one, other) => keys.get(one) - keys.get(other) || one - other);
  };

  // Rows are made as they come into view.
  const more = () => {
    rows.append(...shown.slice(rendered, rendered + CHUNK).map(row));
    rendered = Math.min(rendered + CHUNK, shown.length);
    at("more").hidden = rendered === shown.length;
  };
  const row = (place) => {
    const paper = suite.papers[place];
    const metric = suite.metrics[Number(fields.metric.value)];
    const difference = fields.whose.value.includes("-");
    const several = runs().length > 1;
    const numbers = runs().map((run, system) => make("span", {},
      several ? `${run.name} ` : null, make("b", {}, number(valueOf(system, Number(fields.metric.value), place), metric))));
    if (difference) numbers.push(make("span", {}, "difference ", make("b", {}, number(chosen(place), metric, true))));
    const marks = paper.answers.flatMap((answer, system) => answer.outcome === "answered" ? [] : [
      make("span", { class: "mark alarm" }, `${several ? `${runs()[system].name}: ` : ""}${answer.failure ?? OUTCOMES[answer.outcome]}`)]);
    const details = make("details", {}, make("summary", {},
      make("span", { class: "title" }, paper.title || paper.id), ...marks, make("span", { class: "numbers" }, numbers)));
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1) details.append(detail(paper, place));
    });
    return make("li", { class: "paper" }, details);
  };

  const detail = (paper, place) => {
    const items = paper.answers.flatMap((answer, system) => (answer.items ?? []).map((item) => ({ ...item, system })));
    const part = (name) => make("div", {}, make("h4", {}, name),
      make("dl", { class: "answers" }, compared(paper, name)));
    const parts = [...new Set([paper.gold, ...paper.said].flatMap((one) => Object.keys(one)))];
    const box = make("div", { class: "detail" },
      make("h4", {}, `abstract of ${paper.id}`),
      items.some((item) => item.spans.some(([title]) => title)) ? make("p", { class: "text" }, lightable(paper.title, items, true)) : null,
      make("p", { class: "text" }, lightable(paper.abstract, items, false)),
      runs().map((run, system) => evidence(run, system, items)),
      failures(paper), parts.map(part), figures(place));
    light(box);
    return box;
  };

  // A text cut where evidence begins and ends, so that spans may nest and cross; places count characters, not units.
  const lightable = (text, items, title) => {
    const letters = [...text];
    const spans = items.flatMap((item, place) => item.spans.filter((span) => span[0] === title)
      .map(([, start, end]) => ({ place, start, end })));
    const edges = [...new Set([0, letters.length, ...spans.flatMap((span) => [span.start, span.end])])]
      .filter((edge) => edge <= letters.length).sort((one, other) => one - other);
    return edges.slice(1).map((end, number) => {
      const start = edges[number];
      const places = [...new Set(spans.filter((span) => span.start <= start && end <= span.end).map((span) => span.place))];
      const piece = letters.slice(start, end).join("");
      return places.length === 0 ? piece : make("span", { class: "evidence", "data-items": places.join(" ") }, piece);
    });
  };
  const evidence = (run, system, items) => {
    const buttons = items.map((item, place) => item.system !== system ? null : make("button", {
      type: "button", "data-item": place, "aria-pressed": "false", class: item.spans.length === 0 ? "absent" : "there",
    }, `${item.part}: ${item.text}${item.spans.length === 0 ? " ⚠ not in the abstract" : ""}`)).filter(Boolean);
    const name = runs().length > 1 ? `evidence of ${run.name}` : "evidence";
    return buttons.length === 0 ? null : [make("h4", {}, name), make("div", { class: "items" }, buttons)];
  };
  const light = (box) => {
    let kept = null;
    const show = (button) => {
      for (const piece of box.querySelectorAll(".evidence")) {
        piece.classList.toggle("lit", Boolean(button) && piece.dataset.items.split(" ").includes(button.dataset.item));
      }
    };
    const under = (event) => event.target.closest("button[data-item]");
    for (const kind of ["mouseover", "focusin"]) box.addEventListener(kind, (event) => show(under(event) ?? kept));
    for (const kind of ["mouseleave", "focusout"]) box.addEventListener(kind, () => show(kept));
    box.addEventListener("click", (event) => {
      const button = under(event);
      if (!button) return;
      kept?.setAttribute("aria-pressed", "false");
      kept = button === kept ? null : button;
      kept?.setAttribute("aria-pressed", "true");
      show(kept);
    });
  };

  const failures = (paper) => paper.answers.flatMap((answer, system) => {
    if (answer.outcome === "answered") return [];
    const name = runs().length > 1 ? `${runs()[system].name}: ` : "";
    return [make("h4", {}, `${name}${OUTCOMES[answer.outcome]}`),
      make("p", { class: "fault" }, [answer.failure, answer.message].filter(Boolean).join(": ")),
      answer.raw ? make("pre", {}, answer.raw) : null];
  });

  // What people and all systems say of one part. Words that a run does not share with the first one are marked in both.
  const compared = (paper, part) => {
    const lines = paper.gold[part] ? [make("dt", { class: "people" }, "people"), make("dd", {}, listed(paper.gold[part]))] : [];
    suite.systems.forEach((system, place) => {
      const said = paper.said[place][part];
      if (said === undefined) return;
      const other = system.kind === "run" ? paper.said[place === 0 && runs().length > 1 ? 1 : 0][part] : undefined;
      const alone = said.length === 1 && other?.length === 1 && Boolean(other[0]) && runs().length > 1;
      lines.push(make("dt", { class: system.kind }, system.name),
        make("dd", {}, alone ? marked(said[0], other[0]) : listed(said)));
    });
    return lines;
  };
  const listed = (texts) => {
    if (texts.length === 0) return make("span", { class: "soft" }, "none");
    if (texts.length === 1) return texts[0] || make("span", { class: "soft" }, "empty");
    return make("ul", { class: texts.some((text) => text.length > 40) ? "long" : "short" }, texts.map((text) => make("li", {}, text)));
  };
  const marked = (text, other) => {
    const words = text.split(/(\s+)/);
    const common = shared(words.filter((word) => word.trim()), other.split(/\s+/).filter(Boolean));
    let place = -1;
    return text ? words.map((word) => {
      if (!word.trim()) return word;
      place += 1;
      return common.has(place) ? word : make("span", { class: "own" }, word);
    }) : make("span", { class: "soft" }, "empty");
  };
  // Places of the words of the longest common subsequence; of very long texts only the beginning is compared.
  const shared = (words, others) => {
    const [one, other] = [words.slice(0, 500), others.slice(0, 500)];
    const longest = Array.from({ length: one.length + 1 }, () => new Uint16Array(other.length + 1));
    for (let left = one.length - 1; left >= 0; left -= 1) {
      for (let right = other.length - 1; right >= 0; right -= 1) {
        longest[left][right] = one[left] === other[right] ? longest[left + 1][right + 1] + 1
          : Math.max(longest[left + 1][right], longest[left][right + 1]);
      }
    }
    const found = new Set(words.slice(500).map((_, place) => place + 500));
    for (let left = 0, right = 0; left < one.length && right < other.length;) {
      if (one[left] === other[right]) {
        found.add(left);
        left += 1;
        right += 1;
      } else if (longest[left + 1][right] >= longest[left][right + 1]) left += 1;
      else right += 1;
    }
    return found;
  };

  const figures = (place) => {
    const metrics = suite.metrics.map((metric, column) => ({ metric, column }));
    const head = make("tr", {}, make("th", { scope: "col" }, "system"),
      metrics.map(({ metric }) => make("th", { scope: "col" }, metric.title)));
    const body = suite.systems.map((system, line) => make("tr", { class: system.kind }, make("th", { scope: "row" }, system.name),
      metrics.map(({ metric, column }) => make("td", {}, number(valueOf(line, column, place), metric)))));
    return [make("h4", {}, "figures of this paper"),
      make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Figures of this paper" },
        make("table", { class: "figures" }, make("thead", {}, head), make("tbody", {}, body)))];
  };

  const choose = () => {
    suite = suites[Number(fields.suite.value)];
    for (const field of [fields.search, fields.low, fields.high]) field.value = "";
    offer();
    filter();
  };
  fields.suite.replaceChildren(...suites.map((one, place) => option(place, one.suite)));
  fields.suite.closest("label").hidden = suites.length === 1;
  fields.suite.addEventListener("change", choose);
  for (const id of ["outcome", "metric", "whose", "order"]) fields[id].addEventListener("change", filter);
  for (const id of ["search", "low", "high"]) fields[id].addEventListener("input", filter);
  at("clear").addEventListener("click", () => {
    for (const id of ["search", "outcome", "low", "high"]) fields[id].value = "";
    filter();
    fields.search.focus();
  });
  at("more").querySelector("button").addEventListener("click", more);
  new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) more(); }, { rootMargin: "600px" })
    .observe(at("more"));

  const step = (by) => {
    const all = [...rows.querySelectorAll("summary")];
    const here = document.activeElement?.closest(".paper")?.querySelector("summary");
    const next = all[here ? all.indexOf(here) + by : 0];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input, select");
    if (event.key === "Escape" && event.target === fields.search) {
      fields.search.value = "";
      filter();
    } else if (!typing && event.key === "/") {
      event.preventDefault();
      fields.search.focus();
    } else if (!typing && (event.key === "j" || event.key === "k")) step(event.key === "j" ? 1 : -1);
  });
  window.addEventListener("beforeprint", () => { for (const part of document.querySelectorAll("details.made")) part.open = true; });
  document.querySelector(".controls").hidden = false;
  choose();
})();
