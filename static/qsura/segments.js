// What the SMS of a draft costs, told while it is written: the arithmetic of templates_app/segments.py and the table of plain.py again
// (tests/browser/test_templates.py holds them together). Without scripts the review page and the API tell the same after saving.
(() => {
  const BASIC =
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
  const EXTENDED = "\f^{}\\[~]|€";
  const PLAIN = {
    "'": "‘’‚‛′‵´`‹›",
    '"': "“”„‟″‶«»〝〞＂",
    "-": "‐‑‒–—―−﹘﹣－•‣⁃",
    "...": "…",
    " ": "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "\n": "\u0085\u2028\u2029",
    "": "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff",
    x: "×", "/": "⁄∕", "*": "∗＊", "!!": "‼", "??": "⁇", "?!": "⁈", "!?": "⁉", "..": "‥", ".": "․·", ",": "，", "~": "∼～",
  };
  const REPLACED = new Map(Object.entries(PLAIN).flatMap(([ours, theirs]) => [...theirs].map((one) => [one, ours])));
  const GSM = new Set(BASIC + EXTENDED);
  const DOUBLE = new Set(EXTENDED);

  const outside = (text) => [...new Set([...text].filter((one) => !GSM.has(one)))];

  function measure(text) {
    const characters = [...text];
    const isGsm = characters.every((one) => GSM.has(one));
    const [single, multiple] = isGsm ? [160, 153] : [70, 67];
    const widths = characters.map((one) => (isGsm ? (DOUBLE.has(one) ? 2 : 1) : one.length));
    const units = widths.reduce((sum, width) => sum + width, 0);
    let segments = 1;
    if (units > single) {
      // What takes two units never straddles two parts.
      let room = multiple;
      for (const width of widths) {
        if (width > room) { segments += 1; room = multiple; }
        room -= width;
      }
    }
    return { encoding: isGsm ? "GSM-7" : "UCS-2", characters: characters.length, units, segments };
  }

  function plainer(text) {
    if (!outside(text).length) return text;
    const replaced = [...text].map((one) => REPLACED.get(one) ?? one).join("");
    return outside(replaced).length || measure(replaced).segments > measure(text).segments ? text : replaced;
  }

  globalThis.qsuraSegments = { measure, plainer, outside };

  document.addEventListener("DOMContentLoaded", () => {
    const area = document.querySelector("textarea[data-qs-segments]");
    if (!area) return;
    const usual = JSON.parse(area.dataset.qsSegments);
    const isPlain = document.querySelector("input[name=sms_plain]");
    const board = Object.assign(document.createElement("div"), { className: "rv-live" });
    board.setAttribute("role", "status");
    board.setAttribute("aria-live", "polite");
    const offer = Object.assign(document.createElement("button"), { type: "button", className: "rv-button rv-button-plain", hidden: true });
    area.after(board, offer);

    const cell = (row, key) => document.querySelector(`[name="variables-${row}-${key}"]`)?.value.trim() ?? "";
    function declared() {
      const found = {};
      for (let row = 0; document.querySelector(`[name="variables-${row}-name"]`); row += 1) {
        const name = cell(row, "name");
        if (!name) continue;
        const longest = Number.parseInt(cell(row, "max_length"), 10) || usual[cell(row, "type")] || 0;
        const isFree = cell(row, "type") === "text" && !cell(row, "pattern");
        found[name] = { sample: cell(row, "sample"), widest: (isFree ? "😀" : "W").repeat(Math.min(longest, 2000)) };
      }
      return found;
    }
    const fill = (values, key) => {
      const filled = area.value.replace(/\{\{([a-z][a-z0-9_]{0,63})\}\}/g, (all, name) => values[name]?.[key] || all);
      return isPlain?.checked ? plainer(filled) : filled;
    };
    const said = (text) => {
      const { encoding, characters, segments } = measure(text);
      return `${segments} ${segments === 1 ? "segment" : "segments"}, ${characters} characters, ${encoding}`;
    };
    const line = (words, value) => {
      const row = document.createElement("p");
      row.append(Object.assign(document.createElement("strong"), { textContent: `${words}: ` }), value);
      return row;
    };
    function show() {
      if (!area.value) { board.replaceChildren(); offer.hidden = true; return; }
      const values = declared();
      const [usually, atMost] = [fill(values, "sample"), fill(values, "widest")];
      const rows = [line("With the samples", said(usually)), line("At most", said(atMost))];
      const strange = outside(usually);
      if (strange.length) {
        const marks = strange.slice(0, 12).flatMap((one) => [Object.assign(document.createElement("kbd"), { textContent: one }), " "]);
        rows.push(line("Not in GSM-7, so a segment holds 70 characters instead of 160", ""));
        rows.at(-1).append(...marks);
      }
      board.replaceChildren(...rows);
      const better = plainer(area.value);
      offer.hidden = better === area.value;
      offer.textContent = `Use plain punctuation (${said(plainer(fill(values, "sample")))})`;
    }
    offer.addEventListener("click", () => {
      area.value = plainer(area.value);
      area.dispatchEvent(new Event("input", { bubbles: true }));
      area.focus();
    });
    document.addEventListener("input", show);
    document.addEventListener("change", show);
    show();
  });
})();
