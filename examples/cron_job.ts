/**
 * A cron job that makes one report a day, though it is started three times at once and once more
 * later. A lock keeps two jobs from running at the same time. A table records that the report is
 * made. If a job dies halfway, its lock is released, and the next job makes the report.
 *
 * ```text
 * report made
 * nothing to do
 * nothing to do
 * nothing to do
 * ```
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { LockTimeoutError, PsBase, PsLock } from "@psbase/psbase";

async function report(dir: string): Promise<string> {
  using lock = new PsLock(`${dir}/report.lock`);
  try {
    return await lock.run(async () => {
      await using reports = await PsBase.open(`${dir}/reports`, {
        day: { type: "date", required: true, unique: true },
        text: { type: "string", required: true },
      });
      const day = Temporal.Now.plainDateISO();
      if (reports.count({ day }) > 0) return "nothing to do";
      await reports.insert({ day, text: "All is well." });
      return "report made";
    }, { timeoutMs: 0 });
  } catch (error) {
    // Another job is running.
    if (error instanceof LockTimeoutError) return "nothing to do";
    throw error;
  }
}

async function start(dir: string): Promise<string> {
  const args = ["run", "-A", import.meta.filename!, dir];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  return new TextDecoder().decode(stdout).trim();
}

const [dir] = Deno.args;
if (dir !== undefined) {
  console.log(await report(dir));
} else {
  const dir = await Deno.makeTempDir();
  const outcomes = await Promise.all([start(dir), start(dir), start(dir)]);
  outcomes.push(await start(dir));
  // Any of the three may have made the report.
  console.log(outcomes.sort().reverse().join("\n"));
  await Deno.remove(dir, { recursive: true });
}
