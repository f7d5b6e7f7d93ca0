'use strict';
// What all pictures share: colours of the page, units, canvases. No picture asks
// anything of the network; no text goes into the page but as text.

const kData = JSON.parse(document.getElementById('data').textContent);

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
}
const colourOf = (order) => colour('o' + order);

function bytesText(bytes, digits = 3) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) { bytes /= 1024; ++unit; }
  return (unit === 0 ? Math.round(bytes) : Number(bytes.toPrecision(bytes >= 1000 ? 4 : digits))) + ' ' + units[unit];
}
function timeText(ns) {
  const steps = [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs'], [1, 'ns']];
  for (const [size, unit] of steps) {
    if (ns >= size || size === 1) return Number((ns / size).toPrecision(3)) + ' ' + unit;
  }
  return '';
}
const countText = (n) => Math.round(n).toLocaleString('en-US');
const kText = { ns: (v) => timeText(v), bytes: (v) => bytesText(v), count: countText };
const sizeText = (order) => bytesText(4096 * 2 ** order);

function shortened(text, most) {
  const letters = Array.from(text);
  return letters.length <= most ? text : letters.slice(0, most - 1).join('') + '…';
}

function element(tag, cssClass, text) {
  const made = document.createElement(tag);
  if (cssClass) made.className = cssClass;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Diagonal lines: a prediction. Seen without colours too.
function hatched(colourName) {
  const tile = document.createElement('canvas');
  tile.width = tile.height = 8;
  const pen = tile.getContext('2d');
  pen.strokeStyle = colour(colourName);
  pen.lineWidth = 1.6;
  pen.beginPath();
  for (const from of [-8, 0, 8]) { pen.moveTo(from, 8); pen.lineTo(from + 8, 0); }
  pen.stroke();
  return pen.createPattern(tile, 'repeat');
}

function legend(entries) {
  const list = element('ul', 'legend');
  for (const { name, fill, dashed, hatch } of entries) {
    const item = element('li');
    const swatch = element('span', 'swatch');
    if (dashed) {
      swatch.style.borderColor = 'transparent';
      swatch.style.borderTop = '2px dashed ' + fill;
      swatch.style.height = '.4em';
    } else if (hatch) {
      swatch.style.background = `repeating-linear-gradient(135deg, ${fill} 0 1.5px, transparent 1.5px 5px)`;
    } else {
      swatch.style.background = fill;
    }
    item.append(swatch, name);
    list.append(item);
  }
  return list;
}

const gCharts = [];

// A chart of its own in `holder`, `height` high.
function chart(holder, title, height, config) {
  const box = element('div', 'canvas');
  box.style.height = height + 'px';
  const canvas = element('canvas');
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', title + '; the numbers stand in the tables');
  box.append(canvas);
  holder.append(box);
  config.options = {
    animation: false, responsive: true, maintainAspectRatio: false, layout: { padding: { right: 8 } }, ...config.options,
  };
  gCharts.push(new Chart(canvas, config));
}

function panel(holder, title) {
  const made = element('div', 'panel');
  made.append(element('h4', '', title));
  holder.append(made);
  return made;
}

// Between ticks of an axis of bytes: a power of two.
function bytesStep(most) { return 2 ** Math.ceil(Math.log2(Math.max(most, 4) / 5)); }

function axis(text, title, more) {
  return {
    grid: { color: colour('line'), drawTicks: false, borderColor: colour('soft') },
    ticks: { color: colour('soft'), font: { size: 11 }, callback: text && ((value) => text(value)), maxTicksLimit: 6, maxRotation: 0, padding: 4 },
    title: { display: Boolean(title), text: title, color: colour('soft'), font: { size: 11 } },
    ...more,
  };
}
