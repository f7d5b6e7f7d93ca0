// The charts, one function for each kind of picture.

// Whiskers from `low` to `high` at the end of horizontal bars.
const kWhiskers = {
  id: 'whiskers',
  afterDatasetsDraw(made) {
    made.data.datasets.forEach((set, i) => {
      if (!set.low) return;
      const pen = made.ctx;
      pen.save();
      pen.strokeStyle = colour('ink');
      pen.lineWidth = 1.2;
      made.getDatasetMeta(i).data.forEach((bar, j) => {
        if (set.low[j] === null || set.high[j] === null || set.data[j] === null || set.low[j] === set.high[j]) return;
        const low = made.scales.x.getPixelForValue(set.low[j]);
        const high = made.scales.x.getPixelForValue(set.high[j]);
        pen.beginPath();
        pen.moveTo(low, bar.y); pen.lineTo(high, bar.y);
        pen.moveTo(low, bar.y - 4); pen.lineTo(low, bar.y + 4);
        pen.moveTo(high, bar.y - 4); pen.lineTo(high, bar.y + 4);
        pen.stroke();
      });
      pen.restore();
    });
  },
};

// Ticks of an axis of this unit, from 0 to `most`.
function ticksOf(unit, most) {
  const ticks = { color: colour('soft'), font: { size: 11 }, maxRotation: 0, maxTicksLimit: 6, callback: kText[unit] };
  return unit === 'bytes' ? { ...ticks, stepSize: bytesStep(most) } : ticks;
}

function costSets(panelData) {
  const some = (name) => panelData[name].some((value) => value !== null);
  const measured = some('measured');
  const bars = { borderWidth: 1, barPercentage: 0.85, categoryPercentage: 0.8 };
  const predicted = { ...bars, label: 'predicted', backgroundColor: hatched('predicted'), borderColor: colour('predicted'), stack: 'predicted' };
  const sets = [];
  if (some('part')) {
    const used = panelData.predicted.map((value, i) => (value === null ? null : value - (panelData.part[i] || 0)));
    sets.push({ ...predicted, label: 'predicted, touched', data: used });
    sets.push({ ...predicted, label: 'predicted, never touched', data: panelData.part, backgroundColor: colour('paper') });
  } else {
    sets.push({ ...predicted, data: panelData.predicted, low: measured ? null : panelData.low, high: panelData.high });
  }
  if (measured) {
    sets.push({
      ...bars, label: 'measured', data: panelData.measured, stack: 'measured', backgroundColor: colour('measured'), borderColor: colour('measured'),
      low: panelData.low, high: panelData.high,
    });
  }
  return sets;
}

function drawCost(holder, picture) {
  holder.append(legend([
    { name: 'predicted', fill: colour('predicted'), hatch: true }, { name: 'measured', fill: colour('measured') },
    { name: 'predicted, never touched (memory)', fill: colour('paper') }]));
  const grid = element('div', 'panels');
  holder.append(grid);
  const names = picture.policies.map((name) => shortened(name, 22));
  for (const one of picture.panels) {
    const text = kText[one.unit];
    const place = panel(grid, one.title);
    const most = Math.max(...one.predicted, ...one.measured, ...one.high);
    chart(place, one.title, 40 + 34 * names.length, {
      type: 'bar',
      data: { labels: names, datasets: costSets(one) },
      plugins: [kWhiskers],
      options: {
        indexAxis: 'y',
        scales: {
          x: axis((value) => text(value), '', { beginAtZero: true, stacked: true, suggestedMax: most, ticks: ticksOf(one.unit, most) }),
          y: axis(undefined, '', { stacked: true, grid: { display: false }, ticks: { color: colour('ink'), font: { size: 12 } } }),
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            callbacks: {
              title: (items) => picture.policies[items[0].dataIndex],
              label: (item) => `${item.dataset.label}: ${text(item.parsed.x)}` +
                (item.dataset.low && item.dataset.low[item.dataIndex] !== null
                  ? ` (${text(item.dataset.low[item.dataIndex])} to ${text(item.dataset.high[item.dataIndex])})` : ''),
            },
          },
        },
      },
    });
  }
}

// For axes: two digits.
function roundTime(ns) { return timeText(Number(ns.toPrecision(2))); }

function drawFaults(holder, picture) {
  const grid = element('div', 'panels');
  holder.append(grid);
  const steps = picture.policies.flatMap((p) => p.times.map((t) => Math.round(Math.log2(t.at_most_ns) * 4)));
  const most = Math.max(1, ...picture.policies.flatMap((p) => p.times.map((t) => t.faults)));
  // Whole powers of two at both ends; steps nobody has are drawn too, so that the axis is even.
  const first = Math.floor(Math.min(...steps) / 4) * 4;
  const last = Math.ceil(Math.max(...steps) / 4) * 4;
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  for (const policy of picture.policies) {
    const counts = ticks.map(() => null);
    for (const { at_most_ns: ns, faults } of policy.times) counts[Math.round(Math.log2(ns) * 4) - first] = faults;
    chart(panel(grid, policy.name), 'How long single faults take under ' + policy.name, 190, {
      type: 'bar',
      data: {
        labels: ticks.map((step) => timeText(2 ** (step / 4))),
        datasets: [{ data: counts, backgroundColor: hatched('accent'), borderColor: colour('accent'), borderWidth: 1, barPercentage: 1, categoryPercentage: 0.92, minBarLength: 2 }],
      },
      options: {
        scales: {
          x: axis(undefined, 'time of one fault', { grid: { display: false }, ticks: { color: colour('soft'), font: { size: 11 }, maxRotation: 0, autoSkip: false, callback: (_, i) => ((ticks[i] / 4) % 2 === 0 ? roundTime(2 ** (ticks[i] / 4)) : null) } }),
          y: axis((value) => (Number.isInteger(Math.log10(value)) ? countText(value) : ''), 'faults', { type: 'logarithmic', min: 0.7, max: most * 1.5 }),
        },
        plugins: {
          legend: { display: false },
          tooltip: { callbacks: { title: (items) => 'at most ' + items[0].label, label: (item) => countText(item.parsed.y) + ' faults' } },
        },
      },
    });
  }
}

// The names of the points that matter, beside them.
const kRoles = {
  id: 'roles',
  afterDatasetsDraw(made) {
    const pen = made.ctx;
    pen.save();
    pen.font = '600 12px system-ui, sans-serif';
    pen.fillStyle = colour('ink');
    const told = new Map();
    made.data.datasets.forEach((set, i) => made.getDatasetMeta(i).data.forEach((point, j) => {
      if (!set.data[j].role) return;
      const place = `${Math.round(point.x)} ${Math.round(point.y)}`;
      told.set(place, { point, role: (told.has(place) ? told.get(place).role + ', ' : '') + set.data[j].role });
    }));
    for (const { point, role } of told.values()) {
      const right = point.x > (made.chartArea.left + made.chartArea.right) / 2;
      pen.textAlign = right ? 'right' : 'left';
      pen.fillText(role, point.x + (right ? -10 : 10), point.y - 9);
    }
    pen.restore();
  },
};

const spread = (values) => Math.max(...values) - Math.min(...values);

function drawPareto(holder, picture) {
  const points = picture.points.filter((p) => p.memory !== null && p.time !== null).map((p) => ({ ...p, x: p.memory, y: p.time }));
  const set = (label, some, more) => ({ label, data: points.filter(some), ...more });
  chart(holder, 'Every policy that was tried', 330, {
    type: 'scatter',
    data: {
      datasets: [
        set('no other is both faster and smaller', (p) => p.pareto, { pointRadius: 6, borderWidth: 2, borderColor: colour('accent'), backgroundColor: colour('paper') }),
        set('other', (p) => !p.pareto, { pointRadius: 4, pointStyle: 'rect', borderColor: colour('soft'), backgroundColor: colour('soft') }),
      ],
    },
    plugins: [kRoles],
    options: {
      layout: { padding: { top: 14, right: 14 } },
      scales: { x: axis(undefined, 'peak memory', { ticks: { ...ticksOf('bytes', spread(points.map((p) => p.x))), callback: (value) => bytesText(value, 4) } }), y: axis(timeText, 'kernel time', { beginAtZero: true }) },
      plugins: {
        legend: { align: 'start', labels: { color: colour('soft'), usePointStyle: true, font: { size: 12 } } },
        tooltip: { callbacks: { label: (item) => `${item.raw.name}: ${timeText(item.raw.y)}, ${bytesText(item.raw.x)}` } },
      },
    },
  });
}

const summed = (list) => list.reduce((sum, value) => sum + value, 0);

function memorySets(policy) {
  const area = (name, bytes, fill) => ({
    label: name, data: bytes.map((y, i) => ({ x: policy.event[i], y })), backgroundColor: fill, borderColor: fill, borderWidth: 0, pointRadius: 0, fill: true, stack: 'resident',
  });
  const sets = [area('files', policy.file_bytes, colour('file'))];
  for (const band of policy.bands) if (summed(band.bytes) > 0) sets.push(area(sizeText(band.order), band.bytes, colourOf(band.order)));
  sets.push({ ...area('never touched', policy.never_touched_bytes, 'transparent'), fill: false, stack: 'never', order: -1, borderColor: colour('ink'), borderWidth: 1.5, borderDash: [5, 3] });
  return sets;
}

function sizeLegend(bands, extra) {
  const orders = [...new Set(bands.filter((band) => summed(band.bytes) > 0).map((band) => band.order))].sort((a, b) => a - b);
  return legend([...orders.map((order) => ({ name: sizeText(order), fill: colourOf(order) })), ...extra]);
}

function drawMemory(holder, picture) {
  holder.append(sizeLegend(picture.policies.flatMap((p) => p.bands), [
    { name: 'files', fill: colour('file') }, { name: 'never touched', fill: colour('ink'), dashed: true }]));
  const totals = picture.policies.flatMap((p) => p.event.map((_, i) => p.file_bytes[i] + summed(p.bands.map((band) => band.bytes[i]))));
  const step = bytesStep(Math.max(1, ...totals));
  const most = Math.ceil(Math.max(1, ...totals) / step) * step;
  const grid = element('div', 'panels');
  holder.append(grid);
  for (const policy of picture.policies) {
    chart(panel(grid, policy.name), 'Resident memory by folio size under ' + policy.name, 210, {
      type: 'line',
      data: { datasets: memorySets(policy) },
      options: {
        interaction: { mode: 'index', intersect: false },
        scales: {
          x: axis(countText, 'events', { type: 'linear', min: 0, grid: { display: false } }),
          y: axis(bytesText, '', { stacked: true, min: 0, max: most, ticks: ticksOf('bytes', most) }),
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            filter: (item) => item.parsed.y > 0,
            callbacks: {
              title: (items) => (items.length ? `event ${countText(items[0].parsed.x)}, ${timeText(policy.time_us[items[0].dataIndex] * 1000)}` : ''),
              label: (item) => `${item.dataset.label}: ${bytesText(item.raw.y)}`,
            },
          },
        },
      },
    });
  }
}

function drawFolios(holder, picture) {
  holder.append(sizeLegend(picture.bands, []));
  const sets = picture.bands.filter((band) => summed(band.bytes) > 0).map((band) => ({
    label: sizeText(band.order), data: band.bytes, backgroundColor: colourOf(band.order), borderColor: colour('paper'), borderWidth: 1, barPercentage: 0.8,
  }));
  const most = Math.max(0, ...picture.policies.map((_, i) => summed(picture.bands.map((band) => band.bytes[i] || 0))));
  chart(holder, 'Anonymous memory given by faults, by folio size', 60 + 30 * picture.policies.length, {
    type: 'bar',
    data: { labels: picture.policies.map((name) => shortened(name, 26)), datasets: sets },
    options: {
      indexAxis: 'y',
      scales: {
        x: axis(bytesText, '', { stacked: true, beginAtZero: true, ticks: ticksOf('bytes', most) }),
        y: axis(undefined, '', { stacked: true, grid: { display: false }, ticks: { color: colour('ink'), font: { size: 12 } } }),
      },
      plugins: {
        legend: { display: false },
        tooltip: { callbacks: { title: (items) => picture.policies[items[0].dataIndex], label: (item) => `${item.dataset.label}: ${bytesText(item.parsed.x)}` } },
      },
    },
  });
}

function drawHonesty(holder, picture) {
  const metrics = [...new Set(picture.points.map((p) => p.metric))];
  const values = picture.points.flatMap((p) => [p.predicted, p.measured]);
  const low = Math.min(...values) / 1.5;
  const high = Math.max(...values) * 1.5;
  const styles = ['circle', 'rect', 'triangle', 'crossRot'];
  const sets = metrics.map((metric, i) => ({
    label: metric, pointStyle: styles[i % styles.length], pointRadius: 5, borderWidth: 1.5, borderColor: colour('p' + (i % 6)), backgroundColor: 'transparent',
    data: picture.points.filter((p) => p.metric === metric).map((p) => ({ ...p, x: p.measured, y: p.predicted })),
  }));
  sets.push({ label: 'right', type: 'line', data: [{ x: low, y: low }, { x: high, y: high }], borderColor: colour('soft'), borderWidth: 1, pointRadius: 0, pointStyle: 'line' });
  const decades = (value) => (Number.isInteger(Math.log10(value)) ? countText(value) : '');
  chart(holder, 'Predicted against measured', 380, {
    type: 'scatter',
    data: { datasets: sets },
    options: {
      scales: {
        x: axis(decades, 'measured', { type: 'logarithmic', min: low, max: high }),
        y: axis(decades, 'predicted', { type: 'logarithmic', min: low, max: high }),
      },
      plugins: {
        legend: { align: 'start', labels: { color: colour('soft'), usePointStyle: true, font: { size: 12 } } },
        tooltip: { callbacks: { label: (item) => `${item.raw.name}: predicted ${countText(item.raw.y)}, measured ${countText(item.raw.x)} (${item.dataset.label})` } },
      },
    },
  });
}

// A figure over the machines of a sweep, a line a policy; each has a sign of its own.
function drawSweep(holder, picture) {
  const styles = ['circle', 'rect', 'triangle', 'crossRot', 'star', 'rectRot'];
  const grid = element('div', 'panels');
  holder.append(grid);
  for (const one of picture.panels) {
    const text = kText[one.unit];
    const most = Math.max(0, ...one.series.flat());
    chart(panel(grid, one.title), one.title + ' over the machines', 240, {
      type: 'line',
      data: {
        labels: picture.machines.map((name) => shortened(name, 18)),
        datasets: one.series.map((values, i) => ({
          label: picture.policies[i], data: values, pointStyle: styles[i % styles.length], pointRadius: 5, borderWidth: 1.5,
          borderColor: colour('p' + (i % 6)), backgroundColor: 'transparent', spanGaps: false,
        })),
      },
      options: {
        scales: {
          x: axis(undefined, '', { grid: { display: false }, ticks: { color: colour('ink'), font: { size: 11 } } }),
          y: axis((value) => text(value), '', { beginAtZero: true, ticks: ticksOf(one.unit, most) }),
        },
        plugins: {
          legend: { align: 'start', labels: { color: colour('soft'), usePointStyle: true, font: { size: 12 } } },
          tooltip: { callbacks: { title: (items) => picture.machines[items[0].dataIndex], label: (item) => `${item.dataset.label}: ${text(item.parsed.y)}` } },
        },
      },
    });
  }
}
