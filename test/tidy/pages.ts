/**
 * The pages of docs/ that are printed from the code: errors, configuration, metrics. `npm run docs` writes them,
 * docs.test.ts compares them.
 */
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gatewayProgram } from '../../gateway/config/gateway-config.ts'
import { metricTable } from '../../gateway/observe/metric-table.ts'
import { declaredErrors } from '../../schemas/coded-error.ts'
import type { OptionSchema } from '../../schemas/command-line.ts'
import { root, sourceFiles } from './source-files.ts'

export interface Page {
  readonly path: string
  readonly text: string
}

export async function pages(): Promise<readonly Page[]> {
  return [await errorsPage(), configPage(), metricsPage()]
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const row = (...cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`

async function errorsPage(): Promise<Page> {
  const declaring = sourceFiles().filter((file) => /^(?!test\/).*(^|\/)errors\.ts$/.test(file.path))
  for (const file of declaring) await import(join(root, file.path))
  const rows = declaredErrors().map((error) =>
    row(`\`${error.code}\``, error.message, error.hint, error.blame, error.retry),
  )
  const text = `# Errors

Every error a user can meet: what was wrong with what, and what to do next. *Blame* says who has to act, *retry* whether waiting helps.
A code is never reused.

| code | message | what to do | blame | retry |
|---|---|---|---|---|
${rows.join('\n')}
`
  return { path: 'docs/errors.md', text }
}

function configPage(): Page {
  const rows = optionRows(gatewayProgram.properties, [])
  const text = `# Configuration of the gateway

Flags outrank the environment, the environment the file (\`--config FILE\`, JSON with the keys of the last column), the file the default. An unknown flag or
key is an error. Secrets are paths of files.

| flag | environment | what | default | key |
|---|---|---|---|---|
${rows.join('\n')}
`
  return { path: 'docs/config.md', text }
}

function optionRows(
  properties: Readonly<Record<string, OptionSchema>>,
  above: readonly string[],
): readonly string[] {
  return Object.entries(properties).flatMap(([key, schema]) => {
    const path = [...above, key]
    if (schema.properties) return optionRows(schema.properties, path)
    const flag = path
      .map((part) => part.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`))
      .join('-')
    const fallback = schema.default === undefined ? '' : `\`${JSON.stringify(schema.default)}\``
    const variable = `INTERGREEN_${flag.replaceAll('-', '_').toUpperCase()}`
    return row(
      `\`--${flag}\``,
      `\`${variable}\``,
      schema.description ?? '',
      fallback,
      `\`${path.join('.')}\``,
    )
  })
}

function metricsPage(): Page {
  const rows = Object.entries(metricTable).map(([name, metric]) =>
    row(
      `\`${name}\``,
      metric.kind,
      (metric.labels ?? []).map((label) => `\`${label}\``).join(' '),
      metric.help,
    ),
  )
  const text = `# Metrics

\`GET /metrics\` on the web port, Prometheus text. Labels are few and bounded, never a node. Beside these there are prom-client's process metrics with the
prefix \`intergreen_process_\`.

| name | kind | labels | what |
|---|---|---|---|
${rows.join('\n')}
`
  return { path: 'docs/metrics.md', text }
}

if (basename(process.argv[1] ?? '') === 'pages.ts') {
  for (const page of await pages()) writeFileSync(join(root, page.path), page.text)
}
