import { assert, assertEquals, assertRejects } from "@std/assert";
import { stepwise, turn } from "../../../engine/system/steps.ts";

/** Steps that each take longer than one may go on without a pause. */
function* slowSteps(count: number): Generator<undefined, number> {
  for (let step = 0; step < count; step++) {
    const end = performance.now() + 5;
    while (performance.now() < end);
    yield;
  }
  return count;
}

Deno.test("stepwise() lets others get a turn between steps that take long", async () => {
  let turns = 0;
  let isOver = false;
  const others = (async () => {
    for (; !isOver; turns++) await turn();
  })();
  assertEquals(await stepwise(slowSteps(5)), 5);
  isOver = true;
  await others;
  assert(turns >= 4, `${turns} turns`);
});

Deno.test("stepwise() ends steps where they stand when others abort them meanwhile", async () => {
  const controller = new AbortController();
  let undone = false;
  function* steps(): Generator<undefined, void> {
    try {
      yield* slowSteps(1000);
    } finally {
      undone = true;
    }
  }
  turn().then(() => controller.abort(new Error("enough")));
  await assertRejects(() => stepwise(steps(), controller.signal), Error, "enough");
  assert(undone);
});
