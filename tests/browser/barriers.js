// What a machine can see of WCAG 2.2 AA: names, labels, headings, ids, size of targets, contrast. Returns one line for each barrier.
(within) => {
  const found = [];
  const root = document.querySelector(within);
  const all = (selector, from = root) => [...from.querySelectorAll(selector)];
  const shown = (e) => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && e.getClientRects().length > 0;
  const tell = (rule, e) => found.push(`${rule}: ${e.outerHTML.replace(/\s+/g, " ").slice(0, 140)}`);

  // 3.1.1, 2.4.2, 1.3.1: a language, a title, one heading of the first order, none left out on the way down.
  if (!document.documentElement.lang) found.push("no language");
  if (!document.title.trim()) found.push("no title");
  const headings = all("h1, h2, h3, h4, h5, h6", document).filter(shown).map((e) => Number(e.tagName[1]));
  const first = headings.filter((level) => level === 1).length;
  if (first !== 1) found.push(`headings of the first order: ${first}`);
  headings.slice(1).forEach((level, i) => {
    if (level > headings[i] + 1) found.push(`a heading of order ${level} follows one of order ${headings[i]}`);
  });

  // Labels and links point at ids: each is there once.
  const ids = all("[id]", document).map((e) => e.id);
  const twice = new Set(ids.filter((id, i) => ids.indexOf(id) !== i));
  twice.forEach((id) => { if (root.querySelector(`[id="${CSS.escape(id)}"]`)) found.push(`id twice: ${id}`); });

  // 4.1.2, 1.3.1: everything that can be used has a name.
  const pointed = (e) => (e.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join("");
  const named = (e) => (e.getAttribute("aria-label") || e.title || pointed(e)).trim();
  const spoken = (e) => {
    const copy = e.cloneNode(true);
    copy.querySelectorAll("[aria-hidden=true]").forEach((part) => part.remove());
    return (copy.textContent + [...copy.querySelectorAll("[title], img[alt]")].map((part) => part.title || part.alt).join("")).trim();
  };
  all("a[href], button, summary").filter(shown).forEach((e) => { if (!named(e) && !spoken(e)) tell("no name", e); });
  all("input:not([type=hidden], [type=submit]), select, textarea").filter(shown).forEach((e) => {
    if (!named(e) && !e.labels?.length) tell("no label", e);
  });
  all("img").filter((e) => !e.hasAttribute("alt")).forEach((e) => tell("no alternative", e));
  all("table").filter(shown).forEach((e) => { if (!e.querySelector("th")) tell("no header cells", e); });

  // 2.5.8: what is aimed at is 24 by 24.
  all("button, input[type=checkbox], input[type=radio], summary").filter(shown).forEach((e) => {
    const box = (e.labels?.[0] ?? e).getBoundingClientRect();
    if (box.height < 23.5 || box.width < 23.5) tell(`too small (${box.width.toFixed(0)} x ${box.height.toFixed(0)})`, e);
  });

  // 1.4.3: text against what is painted behind it. A canvas turns any notation of a colour into numbers.
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const over = (top, below) => [0, 1, 2].map((i) => (top[i] * top[3] + below[i] * (255 - top[3])) / 255).concat(255);
  const ground = (e) => {
    const layers = [];
    for (let each = e; each && layers.at(-1)?.[3] !== 255; each = each.parentElement) layers.push(rgba(getComputedStyle(each).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 255]);
  };
  const linear = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const judged = new Set();
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || judged.has(e) || !shown(e)) continue;
    judged.add(e);
    // Icons are set as text of their own font; the words beside them are what counts.
    if (e.closest("script, style, [disabled], .material-symbols-outlined")) continue;
    const style = getComputedStyle(e);
    const behind = ground(e);
    const [lighter, darker] = [luminance(over(rgba(style.color), behind)), luminance(behind)].sort((a, b) => b - a);
    const ratio = (lighter + 0.05) / (darker + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) tell(`contrast ${ratio.toFixed(2)}`, e);
  }
  return found;
}
