"use strict";
// What the page can do beyond being read: search, filters, keys, copying. It works without.
(() => {
  const by = (id) => document.getElementById(id);
  const said = by("said");

  // Copying.
  const copied = async (pre) => {
    try {
      await navigator.clipboard.writeText(pre.textContent);
    } catch {
      // No clipboard for this page: the text is selected, and copied the old way.
      getSelection().selectAllChildren(pre);
      if (!document.execCommand("copy")) return "Selected: press Ctrl+C";
    }
    return "Copied";
  };
  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    const name = button.textContent;
    button.addEventListener("click", async () => {
      said.textContent = button.textContent = await copied(by(button.dataset.copy));
      setTimeout(() => {
        button.textContent = name;
        said.textContent = "";
      }, 2000);
    });
  }

  const form = by("filters");
  if (!form) return;
  form.hidden = false;

  const query = by("query");
  const filters = ["kind", "action", "possible", "tree"].map(by).filter((filter) => filter);
  const trees = [...document.querySelectorAll("div.tree[data-tree]")];
  const files = [...document.querySelectorAll("details.file")].map((details) => ({
    details,
    summary: details.firstElementChild,
    tree: details.parentElement,
  }));
  const plural = (number, word) =>
    `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;

  // The texts that are searched are put together when they are asked for first.
  let rows;
  const index = () => {
    rows = [];
    for (const file of files) {
      const path = file.summary.firstElementChild.textContent;
      for (const item of file.details.querySelectorAll("li[data-kind]")) {
        const { kind, action, possible, times } = item.dataset;
        rows.push({
          item, file, text: `${path} ${item.textContent}`.toLowerCase(),
          kind, action, times: Number(times ?? 1),
          possible: possible === undefined ? "no" : "yes", tree: file.tree.dataset.tree,
        });
      }
    }
  };

  /** Matching files are opened if no more findings than these match a search. */
  const FEW = 200;
  /** Which files were open before the search; nothing where none is going on. */
  let before;

  const apply = () => {
    if (!rows) index();
    const terms = query.value.toLowerCase().split(/\s+/).filter((term) => term);
    const wanted = filters.filter((filter) => filter.value);
    const isFiltered = terms.length > 0 || wanted.length > 0;
    let shown = 0;
    let all = 0;
    const fitting = new Set();
    for (const row of rows) {
      const fits = wanted.every((filter) => row[filter.id] === filter.value)
        && terms.every((term) => row.text.includes(term));
      row.item.hidden = !fits;
      all += row.times;
      if (fits) {
        shown += row.times;
        fitting.add(row.file);
      }
    }
    if (isFiltered) {
      before ??= files.map((file) => file.details.open);
    }
    files.forEach((file, position) => {
      file.details.hidden = !fitting.has(file);
      if (isFiltered && shown <= FEW && fitting.has(file)) file.details.open = true;
      else if (before) file.details.open = before[position];
    });
    if (!isFiltered) before = undefined;
    for (const tree of trees) {
      tree.hidden = ![...fitting].some((file) => file.tree === tree);
    }
    by("none").hidden = shown > 0;
    by("shown").textContent = isFiltered
      ? `${plural(shown, "finding")} of ${all.toLocaleString("en")}, in ${plural(fitting.size, "file")}`
      : `${plural(all, "finding")} in ${plural(fitting.size, "file")}`;
  };

  let waiting;
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 80);
  };
  const clear = () => {
    form.reset();
    clearTimeout(waiting);
    apply();
  };
  query.addEventListener("input", soon);
  for (const filter of filters) filter.addEventListener("change", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => event.preventDefault());
  const openAll = (open) => {
    for (const { details } of files) if (!details.hidden) details.open = open;
  };
  by("open").addEventListener("click", () => openAll(true));
  by("close").addEventListener("click", () => openAll(false));

  // A link to a file opens it, also if a filter hides it.
  const follow = () => {
    const target = location.hash.startsWith("#f") && by(location.hash.slice(1));
    if (!target || !target.matches("details.file")) return;
    if (target.hidden) clear();
    target.open = true;
    target.firstElementChild.focus({ preventScroll: true });
    target.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    // The same link once more changes nothing in the address.
    const link = event.target.closest?.('a[href^="#f"]');
    if (link && link.hash === location.hash) follow();
  });
  follow();

  // Keys.
  const move = (step) => {
    const seen = files.filter((file) => !file.details.hidden);
    if (seen.length === 0) return;
    const at = seen.findIndex((file) => file.details.contains(document.activeElement));
    const next = at < 0 ? 0 : Math.min(Math.max(at + step, 0), seen.length - 1);
    seen[next].summary.focus();
    seen[next].summary.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const { target, key } = event;
    const isField = target.matches?.("input, select, textarea");
    const isInList = target.localName === "summary";
    const isInSearch = target === query;
    if (key === "/" && !isField) {
      query.focus();
      query.select();
    } else if (key === "Escape" && (query.value || filters.some((filter) => filter.value))) {
      clear();
    } else if (key === "Escape" && isField) {
      target.blur();
    } else if ((key === "j" && !isField) || (key === "ArrowDown" && (isInList || isInSearch))) {
      move(1);
    } else if ((key === "k" && !isField) || (key === "ArrowUp" && isInList)) {
      move(-1);
    } else if (key === "Enter" && isInSearch) {
      clearTimeout(waiting);
      apply();
      move(1);
    } else {
      return;
    }
    event.preventDefault();
  });

  // On paper everything is open.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = files.filter(({ details }) => !details.open && !details.hidden);
    for (const { details } of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const { details } of closed) details.open = false;
  });
})();
