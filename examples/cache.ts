/**
 * A cache that processes share. An entry is kept for a while: here for a minute in Springfield,
 * and not at all in Shelbyville.
 *
 * ```text
 * made: weather in Springfield
 * kept: weather in Springfield
 * made: weather in Shelbyville
 * made: weather in Shelbyville
 * forgotten: 1
 * ```
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { type JsonValue, PsBase } from "@psbase/psbase";

const path = `${await Deno.makeTempDir()}/cache`;
// Entries lost in a power cut are made again, so no write needs to wait for the disk.
await using cache = await PsBase.open(path, {
  key: { type: "string", required: true, unique: true },
  value: "json",
  expires: { type: "timestamp", required: true, index: true },
}, { durability: "relaxed" });

/**
 * The value that is kept, or a new one. Processes that miss it at the same time all make it; the
 * last one stays.
 */
async function cached(
  key: string,
  forMs: number,
  make: () => Promise<JsonValue>,
): Promise<JsonValue> {
  const kept = cache.select({ key, expires: { gt: new Date() } }).first;
  console.log(`${kept === undefined ? "made" : "kept"}: ${key}`);
  if (kept !== undefined) return kept.value;
  const value = await make();
  await cache.upsert({ key }, { value, expires: new Date(Date.now() + forMs) });
  return value;
}

/** Removes expired entries. Call it now and then. */
async function forget(): Promise<void> {
  console.log(`forgotten: ${await cache.deleteWhere({ expires: { lte: new Date() } })}`);
}

const weather = () => Promise.resolve({ sky: "clear", degrees: 21 });
await cached("weather in Springfield", 60_000, weather);
await cached("weather in Springfield", 60_000, weather);
await cached("weather in Shelbyville", 0, weather);
await cached("weather in Shelbyville", 0, weather);
await forget();
await cache.destroy();
