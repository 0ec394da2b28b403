/**
 * A job queue: fifty workers, each a process of its own, take jobs from one table. One worker dies
 * with a job; another takes that job when its time is over.
 *
 * ```text
 * the worker that died had task 0
 * 50 workers did 200 of 200 jobs, task 0 too
 * ```
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { ConflictError, PsBase } from "@psbase/psbase";

const JOBS = {
  task: { type: "string", required: true },
  done: { type: "boolean", required: true, default: false },
  taken: { type: "integer", required: true, default: 0 },
  until: "timestamp",
} as const;

/** How long a worker may keep a job. */
const LEASE_MS = 1000;

/** Takes the oldest job that is free: nobody has it, or its time is over. */
async function take(jobs: PsBase<typeof JOBS>) {
  return await jobs.transaction((tx) => {
    const now = Date.now();
    const free = { done: false, _or: [{ until: null }, { until: { lt: new Date(now) } }] };
    const job = tx.select(free, { limit: 1 }).first;
    return job && tx.update(job, { taken: job.taken + 1, until: new Date(now + LEASE_MS) });
  });
}

type Perform = (task: string) => void | Promise<void>;

async function work(path: string, perform: Perform): Promise<void> {
  await using jobs = await PsBase.open(path, JOBS);
  while (jobs.count({ done: false }) > 0) {
    const job = await take(jobs);
    if (job === undefined) {
      // Other workers have the remaining jobs.
      await new Promise((resolve) => setTimeout(resolve, 50));
      continue;
    }
    await perform(job.task);
    try {
      await jobs.update(job.__id__, { done: true }, { ifVersion: job.__version__ });
    } catch (error) {
      // The time was over, and another worker has the job now.
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}

async function main(workers: number): Promise<void> {
  const path = `${await Deno.makeTempDir()}/jobs`;
  await using jobs = await PsBase.open(path, JOBS);
  await jobs.insertMany(Array.from({ length: 200 }, (_, n) => ({ task: `task ${n}` })));
  const start = (role: string) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", import.meta.filename!, role, path],
    }).spawn().status;
  await start("die");
  const [left] = jobs.select({ taken: 1 });
  console.log(`the worker that died had ${left?.task}`);
  const ends = await Promise.all(Array.from({ length: workers }, () => start("work")));
  if (!ends.every(({ success }) => success)) throw new Error("a worker failed");
  const done = jobs.count({ done: true });
  const too = jobs.count({ task: left!.task, done: true }) === 1 ? "too" : "not";
  console.log(`${workers} workers did ${done} of ${jobs.size} jobs, ${left!.task} ${too}`);
  await jobs.destroy();
}

const [role = "50", path] = Deno.args;
if (path === undefined) await main(Number(role));
else await work(path, role === "die" ? () => Deno.exit(1) : () => {});
