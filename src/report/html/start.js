// Draws everything, and again where the colours change: day and night, paper.

const kDraw = {
  cost: drawCost, faults: drawFaults, pareto: drawPareto, memory: drawMemory, folios: drawFolios, honesty: drawHonesty, sweep: drawSweep, map: drawMap,
};
const gStates = {};

function drawAll() {
  gCharts.splice(0).forEach((made) => made.destroy());
  for (const holder of document.querySelectorAll('[data-picture]')) {
    const name = holder.dataset.picture;
    const picture = kData[name];
    if (!picture) continue;
    holder.replaceChildren();
    gStates[name] = gStates[name] || {};
    kDraw[picture.kind](holder, picture, gStates[name]);
  }
}

const gFolded = [];
window.addEventListener('beforeprint', () => {
  document.documentElement.classList.add('on-paper');
  for (const folded of document.querySelectorAll('details:not([open])')) {
    folded.open = true;
    gFolded.push(folded);
  }
  drawAll();
});
window.addEventListener('afterprint', () => {
  document.documentElement.classList.remove('on-paper');
  gFolded.splice(0).forEach((folded) => { folded.open = false; });
  drawAll();
});
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
drawAll();
