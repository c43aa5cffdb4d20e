/**
 * Plots as SVG text: a day with its interval, the error by hour, and calibration. No library, no script, no fonts;
 * readable in light and dark alike because every colour is set.
 */

const size = { width: 900, height: 360 } as const
const margin = { left: 56, right: 16, top: 36, bottom: 40 } as const
const ink = '#1d2b33'
const paper = '#ffffff'
const grid = '#d7dee2'

export const colours = {
  actual: '#1d2b33',
  network: '#0b7a4b',
  ridge: '#b3541e',
  profile: '#4a6fa5',
  'last value': '#8a8f94',
  band: '#bfe3d2',
} as const

export interface Line {
  readonly name: string
  readonly colour: string
  readonly points: readonly (readonly [number, number])[]
}

export interface Plot {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly lines: readonly Line[]
  readonly band?: {
    readonly name: string
    readonly low: readonly (readonly [number, number])[]
    readonly high: readonly (readonly [number, number])[]
  }
  readonly xTicks: readonly (readonly [number, string])[]
  readonly yMax?: number
}

export function drawPlot(plot: Plot): string {
  const points = [...plot.lines.flatMap((line) => line.points), ...(plot.band?.high ?? [])]
  const xs = points.map(([x]) => x)
  const xMin = Math.min(...xs)
  const xMax = Math.max(...xs)
  const yMax = plot.yMax ?? niceAbove(Math.max(...points.map(([, y]) => y)))
  const x = (value: number) =>
    margin.left + ((value - xMin) / (xMax - xMin || 1)) * (size.width - margin.left - margin.right)
  const y = (value: number) =>
    size.height - margin.bottom - (value / yMax) * (size.height - margin.top - margin.bottom)
  const path = (line: readonly (readonly [number, number])[]) =>
    line
      .map(([px, py], at) => `${at === 0 ? 'M' : 'L'}${x(px).toFixed(1)} ${y(py).toFixed(1)}`)
      .join('')
  const yTicks = Array.from({ length: 6 }, (_, at) => (yMax * at) / 5)
  const band = plot.band
    ? `<path d="${path([...plot.band.low, ...[...plot.band.high].reverse()])}Z" fill="${colours.band}"/>`
    : ''
  const legend = [
    ...plot.lines.map(({ name, colour }) => ({ name, colour })),
    ...(plot.band ? [{ name: plot.band.name, colour: colours.band }] : []),
  ]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="12" fill="${ink}">`,
    `<title>${escapeXml(plot.title)}</title>`,
    `<rect width="${size.width}" height="${size.height}" fill="${paper}"/>`,
    `<text x="${margin.left}" y="20" font-size="14">${escapeXml(plot.title)}</text>`,
    ...yTicks.map(
      (tick) =>
        `<line x1="${margin.left}" x2="${size.width - margin.right}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}" stroke="${grid}"/>` +
        `<text x="${margin.left - 6}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${round(tick)}</text>`,
    ),
    ...plot.xTicks.map(
      ([at, text]) =>
        `<text x="${x(at).toFixed(1)}" y="${size.height - margin.bottom + 16}" text-anchor="middle">${escapeXml(text)}</text>`,
    ),
    band,
    ...plot.lines.map(
      (line) =>
        `<path d="${path(line.points)}" fill="none" stroke="${line.colour}" stroke-width="1.6"/>`,
    ),
    ...legend.map(
      ({ name, colour }, at) =>
        `<rect x="${size.width - 150}" y="${margin.top + at * 18}" width="12" height="12" fill="${colour}"/>` +
        `<text x="${size.width - 132}" y="${margin.top + at * 18 + 10}">${escapeXml(name)}</text>`,
    ),
    `<text x="${size.width / 2}" y="${size.height - 6}" text-anchor="middle">${escapeXml(plot.xLabel)}</text>`,
    `<text x="14" y="${size.height / 2}" text-anchor="middle" transform="rotate(-90 14 ${size.height / 2})">${escapeXml(plot.yLabel)}</text>`,
    '</svg>',
    '',
  ].join('\n')
}

function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)))
  return [1, 1.5, 2, 3, 5, 7.5, 10].map((step) => step * power).find((top) => top >= value) ?? value
}

function round(value: number): string {
  return value >= 10 ? value.toFixed(0) : value.toFixed(2).replace(/\.?0+$/, '')
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
