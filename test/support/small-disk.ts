/**
 * Disks for tests, that can be full, read-only, or closed to one process. They need root and mount (or prlimit); where
 * that is impossible the tests that want them are skipped by name.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { TestContext } from 'vitest'

const MiB = 1024 * 1024

const succeeds = (work: () => void) => {
  try {
    work()
    return true
  } catch {
    return false
  }
}

export const canMount =
  process.getuid?.() === 0 &&
  succeeds(() => run('unshare', '-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'))

/** A loop device with ext4, which the kernel itself makes read-only when it meets an error. */
export const canLoop = canMount && succeeds(() => tryLoop())

export const canLimitFiles = succeeds(() => run('prlimit', '--version'))

function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

function tryLoop(): void {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-loop-'))
  try {
    const image = join(dir, 'image')
    writeFileSync(image, Buffer.alloc(8 * MiB))
    run('mkfs.ext4', '-q', image)
    run('unshare', '-m', 'mount', '-o', 'loop', image, '/mnt')
  } finally {
    rmSync(dir, { recursive: true })
  }
}

export interface SmallDisk {
  readonly dir: string
  /** Takes what room there is. */
  fill(): void
  makeRoom(): void
}

export function mountSmallDisk(context: TestContext, sizeMiB: number): SmallDisk {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-disk-'))
  run('mount', '-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', dir)
  context.onTestFinished(() => {
    run('umount', '-l', dir)
    rmSync(dir, { recursive: true })
  })
  const ballast = join(dir, 'ballast')
  return {
    dir,
    fill() {
      const file = openSync(ballast, 'a')
      for (const bytes of [MiB, 4_096, 1]) {
        const block = Buffer.alloc(bytes)
        while (succeeds(() => writeAll(file, block)));
      }
      closeSync(file)
    },
    makeRoom: () => rmSync(ballast),
  }
}

function writeAll(file: number, block: Buffer): void {
  if (writeSync(file, block) < block.length) throw new Error('full')
}

export interface FragileDisk {
  readonly dir: string
  /** The kernel finds an error and makes it read-only. */
  break(): void
  /** Taken out, checked, put back. */
  repair(): void
}

export function mountFragileDisk(context: TestContext, sizeMiB: number): FragileDisk {
  const folder = mkdtempSync(join(tmpdir(), 'intergreen-disk-'))
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-mount-'))
  const image = join(folder, 'image')
  writeFileSync(image, Buffer.alloc(sizeMiB * MiB))
  run('mkfs.ext4', '-q', image)
  const mount = () => void run('mount', '-o', 'loop,errors=remount-ro', image, dir)
  mount()
  context.onTestFinished(() => {
    run('umount', '-l', dir)
    for (const one of [dir, folder]) rmSync(one, { recursive: true })
  })
  return {
    dir,
    break() {
      const device = basename(run('findmnt', '-n', '-o', 'SOURCE', dir).trim())
      writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, '1')
    },
    repair() {
      run('umount', dir)
      succeeds(() => run('e2fsck', '-y', '-f', image)) // Its exit code tells that it had something to mend.
      mount()
    },
  }
}

/** From now on the process can make no file longer than `bytes`; undefined takes the limit away. */
export function limitFiles(pid: number, bytes: number | undefined): void {
  run('prlimit', `--pid=${pid}`, `--fsize=${bytes ?? 'unlimited'}:unlimited`)
}
