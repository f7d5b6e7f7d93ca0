// The folio map: time across, addresses up, one rectangle for each run of folios.

const kMapHeight = 440;
const kMapLeft = 128;    // names of mappings
const kMapRight = 58;    // names of sizes
const kMapBottom = 26;
const kMapGap = 6;       // between parts of the address space
const kMostParts = 24;

// Runs as objects, each with its address in pages from the lowest of its process.
function runsOf(policy) {
  const { runs, mappings } = policy;
  return runs.order.map((order, i) => {
    const mapping = mappings[runs.mapping[i]];
    // Addresses have 64 bits and numbers 53: pages of 4 KiB fit.
    const start = Number(BigInt(mapping.start) / BigInt(policy.page_size_bytes));
    const begin = start + runs.offset_pages[i];
    return {
      order, mapping, begin, end: begin + runs.pages[i], first: runs.first_sample[i], last: runs.last_sample[i],
      resident: runs.resident_pages[i], touched: runs.touched_pages[i], reason: policy.reasons[runs.reason[i]],
    };
  });
}

// The parts of all address spaces that ever held something, gaps left out.
function partsOf(runs) {
  const sorted = [...runs].sort((a, b) => a.mapping.mm - b.mapping.mm || a.begin - b.begin);
  const cut = (gap) => {
    const parts = [];
    for (const run of sorted) {
      const last = parts[parts.length - 1];
      if (last && last.mm === run.mapping.mm && run.begin <= last.end + gap) {
        last.end = Math.max(last.end, run.end);
        last.runs.push(run);
      } else {
        parts.push({ mm: run.mapping.mm, begin: run.begin, end: run.end, runs: [run] });
      }
    }
    return parts;
  };
  let gap = 16;
  let parts = cut(gap);
  while (parts.length > kMostParts && gap < 2 ** 50) parts = cut((gap *= 4));
  // Of many processes those parts that held most for longest.
  const held = (part) => summed(part.runs.map((run) => run.resident * (run.last - run.first + 1)));
  parts = parts.map((part) => [held(part), part]).sort((a, b) => b[0] - a[0]).slice(0, kMostParts).map(([, part]) => part);
  return parts.sort((a, b) => a.mm - b.mm || a.begin - b.begin);
}

// Heights: in proportion, but each tall enough to be seen. The lowest address is at the bottom.
function layOut(parts) {
  const room = kMapHeight - kMapBottom - kMapGap * parts.length;
  const least = Math.min(13, room / Math.max(parts.length, 1));
  const all = summed(parts.map((part) => part.end - part.begin)) || 1;
  const spare = Math.max(room - least * parts.length, 0);
  let bottom = kMapHeight - kMapBottom;
  for (const part of parts) {
    part.height = least + spare * (part.end - part.begin) / all;
    part.bottom = bottom;
    bottom -= part.height + kMapGap;
  }
}

class FolioMap {
  constructor(holder, policy) {
    this.policy = policy;
    this.samples = policy.event.length;
    this.parts = partsOf(runsOf(policy));
    layOut(this.parts);
    this.canvas = element('canvas', 'map');
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute('role', 'img');
    this.canvas.setAttribute('aria-label', 'Folio map under ' + policy.name + '; arrow keys read it');
    this.readout = element('p', 'readout', 'Point at the map, or focus it and use the arrow keys.');
    this.readout.setAttribute('aria-live', 'polite');
    holder.append(this.canvas, this.readout);
    this.cursor = null;
    this.canvas.addEventListener('pointermove', (e) => this.moveTo(e.offsetX, e.offsetY));
    this.canvas.addEventListener('pointerdown', (e) => this.moveTo(e.offsetX, e.offsetY));
    this.canvas.addEventListener('keydown', (e) => this.key(e));
    new ResizeObserver(() => this.draw()).observe(this.canvas.parentElement);
    this.draw();
  }

  get width() { return this.canvas.clientWidth || 900; }
  left(sample) { return kMapLeft + (this.width - kMapLeft - kMapRight) * sample / this.samples; }
  sampleAt(x) {
    const at = Math.floor((x - kMapLeft) / (this.width - kMapLeft - kMapRight) * this.samples);
    return Math.min(Math.max(at, 0), this.samples - 1);
  }
  static top(part, page) { return part.bottom - part.height * (page - part.begin) / (part.end - part.begin); }

  draw() {
    const sharp = window.devicePixelRatio || 1;
    const width = this.width;
    this.canvas.width = Math.round(width * sharp);
    this.canvas.height = Math.round(kMapHeight * sharp);
    this.canvas.style.height = kMapHeight + 'px';
    const pen = this.canvas.getContext('2d');
    pen.scale(sharp, sharp);
    pen.clearRect(0, 0, width, kMapHeight);
    for (const part of this.parts) this.drawPart(pen, part);
    this.drawAxis(pen);
    if (this.cursor) this.drawCursor(pen);
  }

  drawPart(pen, part) {
    pen.fillStyle = colour('sunk');
    pen.fillRect(kMapLeft, part.bottom - part.height, this.left(this.samples) - kMapLeft, part.height);
    for (const run of part.runs) {
      // Whole pixels: neighbours must neither overlap nor leave a line between them.
      const x = Math.round(this.left(run.first));
      const top = Math.round(FolioMap.top(part, run.end));
      pen.fillStyle = colourOf(run.order);
      pen.globalAlpha = 0.35 + 0.65 * run.resident / (run.end - run.begin);
      pen.fillRect(x, top, Math.max(Math.round(this.left(run.last + 1)) - x, 1), Math.max(Math.round(FolioMap.top(part, run.begin)) - top, 1));
    }
    pen.globalAlpha = 1;
    this.nameMapping(pen, part);
    this.nameSizes(pen, part);
  }

  nameMapping(pen, part) {
    const mapping = part.runs[0].mapping;
    pen.fillStyle = colour('soft');
    pen.font = '11px system-ui, sans-serif';
    pen.textAlign = 'right';
    pen.textBaseline = 'middle';
    const middle = part.bottom - part.height / 2;
    pen.fillText(shortened(mapping.name, 20), kMapLeft - 8, part.height > 30 ? middle - 7 : middle, kMapLeft - 12);
    if (part.height > 30) pen.fillText(`${shortened(mapping.process, 10)} · ${bytesText((part.end - part.begin) * 4096)}`, kMapLeft - 8, middle + 7, kMapLeft - 12);
  }

  // The last moment at which a part held nearly as much as it ever did.
  fullest(part) {
    const held = new Array(this.samples).fill(0);
    for (const run of part.runs) for (let i = run.first; i <= run.last; ++i) held[i] += run.resident;
    return held.findLastIndex((pages) => pages >= 0.9 * Math.max(...held));
  }

  // The sizes at that moment, where there is room.
  nameSizes(pen, part) {
    const last = this.fullest(part);
    pen.textAlign = 'left';
    pen.textBaseline = 'middle';
    pen.fillStyle = colour('ink');
    let free = Infinity;
    const stack = [];
    for (const run of part.runs.filter((r) => r.first <= last && last <= r.last).sort((a, b) => a.begin - b.begin)) {
      const before = stack[stack.length - 1];
      if (before && before.order === run.order) before.end = run.end;
      else stack.push({ order: run.order, begin: run.begin, end: run.end });
    }
    for (const { order, begin, end } of stack) {
      const bottom = FolioMap.top(part, begin);
      const top = FolioMap.top(part, end);
      const middle = (top + bottom) / 2;
      if (bottom - top < 11 || free - middle < 11) continue;
      pen.fillText(sizeText(order), this.left(this.samples) + 6, middle, kMapRight - 8);
      free = middle;
    }
  }

  drawAxis(pen) {
    pen.fillStyle = colour('soft');
    pen.strokeStyle = colour('line');
    pen.textBaseline = 'top';
    const y = kMapHeight - kMapBottom + 6;
    for (let i = 0; i <= 4; ++i) {
      const sample = Math.min(Math.round(this.samples * i / 4), this.samples) - (i === 4 ? 1 : 0);
      const x = this.left(i === 4 ? this.samples : sample);
      pen.textAlign = i === 0 ? 'left' : i === 4 ? 'right' : 'center';
      const event = this.policy.event[sample];
      if (event !== undefined) pen.fillText((i === 4 ? 'event ' : '') + countText(event), x, y);
    }
  }

  drawCursor(pen) {
    const { x, y } = this.cursor;
    pen.strokeStyle = colour('ink');
    pen.lineWidth = 1;
    pen.setLineDash([3, 3]);
    pen.strokeRect(kMapLeft, y, this.left(this.samples) - kMapLeft, 0);
    pen.strokeRect(x, 0, 0, kMapHeight - kMapBottom);
    pen.setLineDash([]);
  }

  runAt(x, y) {
    const sample = this.sampleAt(x);
    const part = this.parts.find((p) => y <= p.bottom && y >= p.bottom - p.height);
    if (!part) return {};
    const page = part.begin + (part.bottom - y) / part.height * (part.end - part.begin);
    const run = part.runs.find((r) => r.first <= sample && sample <= r.last && r.begin <= page && page < r.end);
    return { part, run, page: Math.min(Math.floor(page), part.end - 1) };
  }

  moveTo(x, y) {
    const inside = Math.min(Math.max(x, kMapLeft), this.left(this.samples) - 1);
    this.cursor = { x: inside, y: Math.min(Math.max(y, 0), kMapHeight - kMapBottom) };
    this.draw();
    this.tell(this.cursor.x, this.cursor.y);
  }

  key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const one = (this.width - kMapLeft - kMapRight) / this.samples;
    const from = this.cursor || { x: this.left(this.samples / 2), y: kMapHeight / 2 };
    this.moveTo(from.x + step[0] * Math.max(one, 4), from.y + step[1] * 4);
  }

  tell(x, y) {
    const { run, part, page } = this.runAt(x, y);
    const sample = this.sampleAt(x);
    const when = `event ${countText(this.policy.event[sample])}, ${timeText(this.policy.time_us[sample] * 1000)}`;
    this.readout.replaceChildren();
    if (!run) {
      const where = part ? `${part.runs[0].mapping.name} of ${part.runs[0].mapping.process}: nothing resident here` : 'between mappings';
      this.readout.append(`${where} · ${when}`);
      return;
    }
    const pages = run.end - run.begin;
    const folios = Math.max(Math.round(run.resident / 2 ** run.order), 1);
    const joined = run.resident < pages ? `, with gaps: ${countText(pages - run.resident)} of ${countText(pages)} pages are not there` : '';
    const untouched = (1 - run.touched / Math.max(run.resident, 1)) * 100;
    this.readout.append(
      element('b', '', `${run.mapping.name} of ${run.mapping.process}`),
      ` · 0x${(BigInt(page) * 4096n).toString(16)} · ${when}`, element('br'),
      element('b', '', `folios of ${sizeText(run.order)}`),
      `, about ${countText(folios)} in a row, ${bytesText(run.resident * 4096)}${joined} · never touched: ${untouched.toFixed(0)} %`, element('br'),
      `why no larger: ${run.reason}`);
  }
}

function drawMap(holder, picture, state) {
  if (!picture.policies.length) return;
  if (state.chosen === undefined) state.chosen = picture.chosen;
  const orders = [...new Set(picture.policies.flatMap((p) => p.runs.order))].sort((a, b) => a - b);
  const choices = element('div', 'choices');
  picture.policies.forEach((policy, i) => {
    const button = element('button', '', policy.name);
    button.type = 'button';
    button.setAttribute('aria-pressed', String(i === state.chosen));
    button.addEventListener('click', () => {
      state.chosen = i;
      holder.replaceChildren();
      drawMap(holder, picture, state);
    });
    choices.append(button);
  });
  holder.append(choices, legend(orders.map((order) => ({ name: sizeText(order), fill: colourOf(order) }))));
  new FolioMap(holder, picture.policies[state.chosen]);
}
