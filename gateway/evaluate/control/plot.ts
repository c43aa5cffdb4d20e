/** The delays as a picture: one row per strategy, a dot per seed, a bar at the mean. Pure text (SVG), no library. */
import type { Evaluation } from './report.ts'

const widthPx = 760
const rowPx = 34
const leftPx = 130
const rightPx = 60
const topPx = 46

export function drawPlot(evaluation: Evaluation): string {
  const { runs, strategies } = evaluation
  const mostS = Math.max(1, ...runs.map((run) => run.delayS)) * 1.05
  const x = (delayS: number) => leftPx + (delayS / mostS) * (widthPx - leftPx - rightPx)
  const heightPx = topPx + strategies.length * rowPx + 40
  const scenario = evaluation.scenario.split('/').at(-1) ?? ''
  const rows = strategies.flatMap((figures, index) => {
    const y = topPx + index * rowPx + rowPx / 2
    const dots = runs
      .filter((run) => run.strategy === figures.strategy)
      .map(
        (run) =>
          `<circle cx="${px(x(run.delayS))}" cy="${px(y)}" r="4"><title>seed ${run.seed}: ${run.delayS.toFixed(1)} s</title></circle>`,
      )
    return [
      `<text x="${leftPx - 10}" y="${px(y + 4)}" text-anchor="end">${escapeXml(figures.strategy)}</text>`,
      `<rect x="${leftPx}" y="${px(y - 7)}" width="${px(x(figures.delayMeanS) - leftPx)}" height="14" class="bar"/>`,
      ...dots,
      `<text x="${px(x(figures.delayWorstS) + 10)}" y="${px(y + 4)}">${figures.delayMeanS.toFixed(1)}</text>`,
    ]
  })
  const axisY = topPx + strategies.length * rowPx + 6
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${widthPx} ${heightPx}" font-family="sans-serif" font-size="13">`,
    '<style>.bar{fill:#cfe3d6}circle{fill:#1b6e43;fill-opacity:.8}.axis{stroke:#888}</style>',
    `<rect width="${widthPx}" height="${heightPx}" fill="#fff"/>`,
    `<text x="${leftPx}" y="22" font-weight="bold">Mean delay per vehicle, s (bar: mean of the seeds, dots: seeds): ${escapeXml(scenario)}</text>`,
    ...rows,
    `<line class="axis" x1="${leftPx}" y1="${axisY}" x2="${widthPx - rightPx}" y2="${axisY}"/>`,
    ...ticks(mostS).map(
      (s) => `<text x="${px(x(s))}" y="${axisY + 18}" text-anchor="middle">${s}</text>`,
    ),
    '</svg>',
    '',
  ].join('\n')
}

function ticks(mostS: number): number[] {
  const stepS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((each) => mostS / each <= 8) ?? 2000
  return Array.from({ length: Math.floor(mostS / stepS) + 1 }, (_, index) => index * stepS)
}

const px = (value: number) => value.toFixed(1)

const escapeXml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
