/** Words that may stand in few places only, each with what to use instead. */
import { expect, test } from 'vitest'
import { sourceFiles } from './source-files.ts'

interface Ban {
  readonly word: RegExp
  readonly instead: string
  /** Where it may stand. */
  readonly except: readonly string[]
  /** It stands in comments above all. */
  readonly isInComments?: true
}

/** Programs and tools that stand at the edge of the house may read its clock and write its streams. */
const programs = [
  /^schemas\/(generate|command-line)\.ts$/,
  /(^|\/|-)(main|start|program|watch|worker)\.ts$/,
  /-worker\.ts$/,
  /^gateway\/(config|observe|evaluate)\//,
  /^devices-sim\//,
  /^control-center\/(desk|request)\.ts$/,
  /^bench\//,
]
const bans: readonly Ban[] = [
  {
    word: /\bprocess\.env\b/,
    instead: 'options read by schemas/command-line.ts',
    except: [
      'schemas/command-line.ts',
      'gateway/kit/compile-cache.ts', // What threads are to find in it.
      'devices-sim/',
      'gateway/evaluate/',
      'bench/',
    ],
  },
  { word: /\bMath\.random\(/, instead: 'a seeded generator handed in', except: [] },
  { word: /\bconsole\./, instead: 'the log', except: [] },
  { word: /\benum\s+\w+\s*\{/, instead: 'a union of literals', except: [] },
  // Spelt in halves, so that who searches for open ends finds open ends only.
  {
    word: new RegExp(`\\b(${'FIX'}ME|${'TO'}DO|${'X'}XX)\\b`),
    instead: 'doing it',
    except: [],
    isInComments: true,
  },
  { word: /@ts-(ignore|nocheck)/, instead: 'a type', except: [] },
]

const product = sourceFiles().filter((file) => !file.path.startsWith('test/'))

test.each(bans)(
  '$word stands nowhere it must not: use $instead',
  ({ word, except, isInComments }) => {
    const places = product
      .filter((file) => !except.some((prefix) => file.path.startsWith(prefix)))
      .flatMap((file) =>
        file.text
          .split('\n')
          .map((line, at) => ({ line, place: `${file.path}:${at + 1}` }))
          .filter(({ line }) =>
            word.test(isInComments ? line : line.replace(/\/\/.*|^\s*\*.*/, '')),
          )
          .map(({ place }) => place),
      )
    expect(places).toEqual([])
  },
)

test('only clocks and programs ask the machine for the time', () => {
  const places = product
    .filter((file) => file.path !== 'gateway/kit/clock.ts')
    .filter((file) => !programs.some((pattern) => pattern.test(file.path)))
    .filter((file) =>
      /\bDate\.now\(|\bsetInterval\(/.test(file.text.replace(/\/\/.*|^\s*\*.*/gm, '')),
    )
    .map((file) => file.path)
  expect(places).toEqual([])
})

test('every source file opens with a comment that says what it is', () => {
  const silent = product
    .filter((file) => !/^(#!.*\n)?\/\*\*/.test(file.text))
    .map((file) => file.path)
  expect(silent).toEqual([])
})

test('no file is named for nothing in particular', () => {
  const vague = product.filter((file) =>
    /(^|\/)(utils?|helpers?|common|misc|manager)\b/.test(file.path),
  )
  expect(vague.map((file) => file.path)).toEqual([])
})

test('no source file outgrows its name', () => {
  // 400 lines: STYLE allows 300 as a rule; what is larger must be split.
  const linesMax = 400
  const giants = product
    .map((file) => ({ path: file.path, lines: file.text.split('\n').length }))
    .filter(({ lines }) => lines > linesMax)
  expect(giants).toEqual([])
})
