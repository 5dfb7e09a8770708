// Runs in a browser, in the page of `sandbox serve`. Returns a list of what is wrong with the page. The first argument is
// the texts that the page must show ("annotation:10" is an annotation below line 10), the second the width of the window.
const [expected, width] = arguments;
const wrong = [];

for (const text of expected) {
  const line = text.match(/^annotation:(\d+)$/)?.[1];
  if (line === undefined) {
    if (!document.body.innerText.includes(text)) wrong.push(`"${text}" is not there`);
    continue;
  }
  // The row of the annotation follows the row of its line.
  const row = document.querySelector(`th[data-line="${line}"]`)?.closest("tr");
  const next = row?.nextElementSibling;
  if (next?.dataset.at !== line) wrong.push(`there is no annotation below line ${line}`);
  else if (next.getBoundingClientRect().top < row.getBoundingClientRect().bottom - 1) wrong.push(`the annotation covers line ${line}`);
}

if (document.documentElement.scrollWidth > width) wrong.push(`the page is ${document.documentElement.scrollWidth} px wide`);
for (const element of document.querySelectorAll("main > *, li, p, dd, dt, h2, h3")) {
  const box = element.getBoundingClientRect();
  const scrolls = element.closest(".scroll");
  if (!scrolls && (box.right > width + 1 || box.left < -1)) wrong.push(`<${element.localName}> leaves the window: ${element.innerText.slice(0, 40)}`);
  if (!scrolls && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0) wrong.push(`text leaves <${element.localName}>: ${element.innerText.slice(0, 40)}`);
}

// The table of the diff scrolls by itself: a row of code has the height of one line, and a number is in one piece.
for (const row of document.querySelectorAll(".scroll tr:not(.annotation)")) {
  const lineHeight = parseFloat(getComputedStyle(row).lineHeight);
  const height = row.getBoundingClientRect().height;
  if (height > 1.5 * lineHeight) wrong.push(`the row of "${row.innerText.trim().slice(0, 20)}" is ${height} px high, and a line is ${lineHeight} px`);
}
for (const annotation of document.querySelectorAll("tr.annotation")) {
  if (!annotation.querySelector("a[href]")) wrong.push(`an annotation has no link: ${annotation.innerText.slice(0, 40)}`);
}

// https://www.w3.org/TR/WCAG22/#contrast-minimum
const channel = (value) => ((value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const numbers = (color) => color.match(/[\d.]+/g).map(Number);
const luminance = (color) => {
  const [red, green, blue] = numbers(color).map(channel);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const background = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if ((numbers(color)[3] ?? 1) > 0) return color;
  }
  return "rgb(255, 255, 255)";
};
for (const element of document.querySelectorAll("body *")) {
  const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  if (!hasText) continue;
  const lights = [luminance(getComputedStyle(element).color), luminance(background(element))].sort((a, b) => b - a);
  const contrast = (lights[0] + 0.05) / (lights[1] + 0.05);
  if (contrast < 4.5) wrong.push(`the contrast of "${element.innerText.slice(0, 40)}" is ${contrast.toFixed(1)}`);
}

// What a screen reader goes by.
if (document.documentElement.lang !== "en") wrong.push("the language is not told");
if (document.querySelectorAll("h1").length !== 1 || !document.querySelector("main")) wrong.push("there is no one heading in main");
let level = 1;
for (const heading of document.querySelectorAll("h1, h2, h3")) {
  const own = Number(heading.localName[1]);
  if (own > level + 1) wrong.push(`the heading "${heading.innerText}" skips a level`);
  level = own;
}
for (const link of document.querySelectorAll("a")) if (!link.innerText.trim()) wrong.push("a link has no text");
if (document.scripts.length) wrong.push("the page has a script");
return wrong;
