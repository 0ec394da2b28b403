/**
 * A cron job that is started three times at once, and once more later, and makes one report a day:
 * a lock keeps a second one from beginning meanwhile, a table tells that it was done. A job that
 * dies halfway lets go of the lock, and the next one makes the report.
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
      await using reports = await PsBase.create(`${dir}/reports`, {
        day: { type: "date", required: true, unique: true },
        text: { type: "string", required: true },
      }, { mode: "open" });
      const day = Temporal.Now.plainDateISO();
      if (reports.count({ day }) > 0) return "nothing to do";
      await reports.insert({ day, text: "All is well." });
      return "report made";
    }, { timeoutMs: 0 });
  } catch (error) {
    // Another one is at it.
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
  // The one that made it may be any of the three.
  console.log(outcomes.sort().reverse().join("\n"));
  await Deno.remove(dir, { recursive: true });
}
