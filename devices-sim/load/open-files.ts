/** Whether so many connections fit under the limit of open files: found out before the first one, not at the last. */
import { FilesTooFew } from '../errors.ts'

/** What the process has open besides: its libraries, the accounts' connection, the report. */
const filesBesides = 64

/** The limit in force; undefined where there is none or it is not told. Node has raised it as far as it may. */
export function openFilesMax(): number | undefined {
  Object.assign(process.report, { excludeNetwork: true }) // Looking up names can take seconds.
  const { userLimits } = process.report.getReport() as unknown as {
    userLimits?: { open_files?: { soft: number | string } }
  }
  const soft = userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : undefined
}

/** @throws IG_ERR_SIM_FILES_TOO_FEW */
export function checkOpenFiles(devices: number, max = openFilesMax()): void {
  const needed = devices + filesBesides
  if (max !== undefined && needed > max) throw FilesTooFew(devices, needed, max)
}
