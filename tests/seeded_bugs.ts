/**
 * Bugs that are put into the engine one by one, to see that a test fails: what cannot fail proves
 * nothing. `deno run -A tests/seeded_bugs.ts` tries all, `… WORD` those whose row holds the word.
 *
 * A row is a rule and what takes it out. `in` holds `find` exactly once, which becomes `put`; then
 * `test` must fail, of which `filter` tells the tests to run. A copy of the project is patched,
 * never the project. What is printed is the table in `tests/README.md`: what caught the bug, or
 * SURVIVED, which is a missing test, or GONE, a row to be mended, as the code that it patches is
 * not there any more.
 *
 * @module
 */

interface Bug {
  /** What the engine does wrong. */
  readonly bug: string;
  /** What says that it must not: a rule of the protocol, or a promise. */
  readonly rule: string;
  readonly in: string;
  readonly find: string;
  readonly put: string;
  readonly test: string;
  readonly filter?: string;
}

const PROTOCOL = "tests/crash/protocol_test.ts";
const POWER = "tests/crash/power_loss_test.ts";
const FAILED_IO = "tests/crash/failed_io_test.ts";
const LOG = "tests/engine/log_test.ts";
const WATCH = "tests/base/watch_test.ts";
const UPKEEP = "tests/base/upkeep_test.ts";
const STATE = "tests/engine/state_test.ts";

const BUGS: readonly Bug[] = [
  // ------------------------------------------------------------- frames
  {
    bug: "sums are not seeded with the base",
    rule: "Frame: bytes of another file never verify",
    in: "engine/format.ts",
    find: "this.#words = new Int32Array(uuid.slice().buffer);",
    put: "this.#words = new Int32Array(4);",
    test: "tests/engine/format_test.ts",
  },
  {
    bug: "sums are not seeded with the generation",
    rule: "Frame: bytes of another file never verify",
    in: "engine/format.ts",
    find: "seed[1] = this.#words[1]! ^ owner;",
    put: "seed[1] = this.#words[1]!;",
    test: "tests/engine/format_test.ts",
  },
  {
    bug: "sums are not seeded with the offset",
    rule: "Frame: bytes of another place never verify",
    in: "engine/format.ts",
    find: "seed[2] = this.#words[2]! ^ at;",
    put: "seed[2] = this.#words[2]!;",
    test: "tests/engine/format_test.ts",
  },
  {
    bug: "the same commit, tried again, is the same bytes",
    rule: "Frame: nonce",
    in: "engine/log.ts",
    find: "readonly #nonce = randomNonce();",
    put: "readonly #nonce = 1n;",
    test: PROTOCOL,
    filter: "behind a torn one",
  },
  {
    bug: "the beginning of a frame is the same when it is tried again",
    rule: "Frame: nonce, also where a sector ends within the header",
    in: "engine/format.ts",
    find: "setUint32(bytes, 4, header.kind | Number(header.nonce & 0xffffffn) << 8);",
    put: "setUint32(bytes, 4, header.kind);",
    test: PROTOCOL,
    filter: "makes no old frame whole",
  },
  {
    bug: "a frame may follow on any other",
    rule: "Frame: chain",
    in: "engine/format.ts",
    find: "return getUint32(bytes, from + 16) === getUint32(bytes, from - 8) &&",
    put: "return true || getUint32(bytes, from + 16) === getUint32(bytes, from - 8) &&",
    test: PROTOCOL,
    filter: "behind a torn one",
  },
  {
    bug: "what the header of a torn frame claims does not count",
    rule: "Frame: the header verifies alone",
    in: "engine/log.ts",
    find: "if (header !== undefined) claim = Math.max(claim, header.syncedTo);",
    put: "",
    test: LOG,
  },
  {
    bug: "a length is believed before its sum was looked at",
    rule: "Frame: a length is believed only after headerSum",
    in: "engine/format.ts",
    find: "  return holds ? header : undefined;",
    put: "  return holds || true ? header : undefined;",
    test: LOG,
  },
  // ------------------------------------------------------------- mark
  {
    bug: "nobody says what was synced",
    rule: "Mark: written after a sync",
    in: "engine/log.ts",
    find: "if (!this.#closed) this.#patch(encodeMark(",
    put: "if (!this.#closed && to < 0) this.#patch(encodeMark(",
    test: PROTOCOL,
    filter: "tells a flipped byte in an acknowledged frame",
  },
  {
    bug: "the mark is written before the sync",
    rule: "Mark: never false",
    in: "engine/log.ts",
    find: "    this.#force();\n    this.#synced(this.end);",
    put: "    this.#synced(this.end);\n    this.#force();",
    test: POWER,
  },
  {
    bug: "the first mark counts, not the largest",
    rule: "Mark: the largest valid one counts",
    in: "engine/format.ts",
    find: "if (value > syncedTo && flag(SUM.mark, at)) syncedTo = value;",
    put: "if (syncedTo === 0 && flag(SUM.mark, at)) syncedTo = value;",
    test: PROTOCOL,
  },
  {
    bug: "a mark counts though it does not verify",
    rule: "Mark: unreadable is absent",
    in: "engine/format.ts",
    find: "if (value > syncedTo && flag(SUM.mark, at)) syncedTo = value;",
    put: "if (value > syncedTo) syncedTo = value;",
    test: PROTOCOL,
    filter: "flipped byte of the mark",
  },
  {
    bug: "a log is born as sealed into",
    rule: "Mark: sealedInto is a flag of its own",
    in: "engine/log.ts",
    find: "log.set(encodeLogPage(sums, generation, at));",
    put: "log.set(encodeLogPage(sums, generation, at));\n" +
      "    log.set(encodeSealedInto(sums, generation).bytes, 512);",
    test: PROTOCOL,
    filter: "behind a seal",
  },
  // ------------------------------------------------------------- reading
  {
    bug: "a look does not begin at the last frame's chain value",
    rule: "Reading: begin at the trailer of the last frame",
    in: "engine/log.ts",
    find: "} else if (there.length < 8 || chainValue(there, 8) !== this.#chain) {",
    put: "} else if (there.length < 8) {",
    test: PROTOCOL,
    filter: "disk lost",
  },
  {
    bug: "what stands behind a seal is read",
    rule: "Reading: a seal ends a log",
    in: "engine/log.ts",
    find: '        this.#sealed = true;\n        return { end: "seal", missing: 0 };',
    put: "        continue;",
    test: PROTOCOL,
  },
  {
    bug: "damage before the claim passes for a torn tail",
    rule: "Reading: a frame that fails before the claim is damage",
    in: "engine/log.ts",
    find: "        throw this.#damage();\n      }\n      judged",
    put: '        return "torn";\n      }\n      judged',
    test: PROTOCOL,
    filter: "flipped byte in an acknowledged frame",
  },
  {
    bug: "a frame that fails is not read again once the claim is known",
    rule: "Reading: find the claim first, then read the frame again",
    in: "engine/log.ts",
    find: "      judged = this.end;\n      this.#claim = Math.max(this.#claim, this.#findClaim());",
    put:
      "      judged = this.end;\n      this.#claim = Math.max(this.#claim, this.#findClaim());\n" +
      "      if (this.#claim > this.end) throw this.#damage();",
    test: LOG,
  },
  // ------------------------------------------------------------- writing
  {
    bug: "who writes does not catch up under the lock",
    rule: "Writing 1: catch up",
    in: "engine/store.ts",
    find: "    this.#catchUp(false);\n",
    put: "",
    test: PROTOCOL,
    filter: "stopped anywhere",
  },
  {
    bug: "who writes does not ask whether the base is still there",
    rule: "Writing 1: the identity file is still ours",
    in: "engine/store.ts",
    find: "      this.checkIdentity();\n      this.#catchUp(false);",
    put: "      this.#catchUp(false);",
    test: PROTOCOL,
    filter: "waits for the lock",
  },
  {
    bug: "who writes does not settle",
    rule: "Writing 1: settle",
    in: "engine/store.ts",
    find: "if (locked) this.#settle();",
    put: "",
    test: PROTOCOL,
    filter: "behind a seal",
  },
  {
    bug: "a torn tail is not zeroed",
    rule: "Writing 2: zero bad bytes at the end, tell once",
    in: "engine/log.ts",
    find: "    this.#file.writeAt(new Uint8Array(bytes), this.end);\n  }",
    put: "    void bytes;\n  }",
    test: LOG,
  },
  {
    bug: "a handle vouches for bytes that it did not write",
    rule: "Writing 3: the first append writes again what is not claimed",
    in: "engine/log.ts",
    find: "const from = this.#owns ? this.end : Math.min(this.#claim, this.end);",
    put: "const from = this.end;",
    test: PROTOCOL,
    filter: "vouches",
  },
  {
    bug: "what is written again was not compared with what was read",
    rule: "Writing 3: from the bytes that it verified",
    in: "engine/log.ts",
    find: "      this.#chainOf(bytes, from) !== this.#chain;",
    put: "      false;",
    test: LOG,
  },
  {
    bug: "a commit is acknowledged before the sync",
    rule: "Writing 4: append, unlock, sync, mark, acknowledge",
    in: "engine/writer.ts",
    find: "    const { end } = log;\n    if (!this.#options.durable) {",
    put: "    const { end } = log;\n    if (log !== undefined) {",
    test: POWER,
    filter: "in 1 verbs",
  },
  {
    bug: "what is left of a failed append is not zeroed",
    rule: "Writing: a failed append is zeroed before unlocking",
    in: "engine/log.ts",
    find: "        this.zeroTail(this.tornBytes());",
    put: "",
    test: FAILED_IO,
    filter: "insertSync",
  },
  {
    bug: "a failed append of which the whole frame is there is taken back",
    rule: "Writing: if the frame verifies in the file the outcome is unknown",
    in: "engine/log.ts",
    find: "if (decodeFrame(this.#sums, this.generation, this.end, tail, 0) === undefined) {",
    put: "if (tail.length >= 0) {",
    test: FAILED_IO,
    filter: "behind its last byte",
  },
  {
    bug: "a handle goes on though an append could not be taken back",
    rule: "Writing: poison the handle if zeroing fails too",
    in: "engine/log.ts",
    find:
      "    throw this.#poisonWith(`${told}, open the base again to see whether it was written`, cause);",
    put: '    throw new WriteError(told, "none", cause);',
    test: FAILED_IO,
    filter: "insert",
  },
  {
    bug: "after a failed append its rows are still in memory",
    rule: "DESIGN 5.6: a failed operation leaves nothing",
    in: "engine/store.ts",
    find: "      this.#outdated = true;\n      throw error;",
    put: "      throw error;",
    test: FAILED_IO,
    filter: "insert",
  },
  // ------------------------------------------------------------- syncs
  {
    bug: "several syncs of one open file at once",
    rule: "Sync: one in flight per open file description",
    in: "engine/log.ts",
    find: "await (this.#syncing ??= this.#syncOnce(synced));",
    put: "await this.#syncOnce(synced);",
    test: PROTOCOL,
    filter: "one sync at a time",
  },
  {
    bug: "blocking syncs go through the same open file",
    rule: "Sync: sync forms have a second description",
    in: "engine/log.ts",
    find: "(this.#second ?? this.#file).syncSync();",
    put: "this.#file.syncSync();",
    test: PROTOCOL,
    filter: "blocking form beside it",
  },
  {
    bug: "the second open file is opened only when it is synced",
    rule: "Sync: opened before the first append",
    in: "engine/log.ts",
    find: "(this.#second ?? this.#file).syncSync();",
    put: "(this.#second = this.#openAgain()).syncSync();",
    test: PROTOCOL,
    filter: "blocking form beside it",
  },
  {
    bug: "a sync that failed is tried again",
    rule: "Sync: any failure poisons the handle",
    in: "engine/log.ts",
    find: '    return this.#poison ??= new WriteError(message, "unknown", cause);',
    put: '    return new WriteError(message, "unknown", cause);',
    test: PROTOCOL,
    filter: "vouches",
  },
  {
    bug: "commit() syncs what others wrote without writing it again",
    rule: "Sync: commit() applies rule 3",
    in: "engine/writer.ts",
    find: "    log.own();\n",
    put: "",
    test: PROTOCOL,
    filter: "vouches",
  },
  // ------------------------------------------------------------- seals
  {
    bug: "who settles syncs a seal that it did not write again",
    rule: "Seal: write [c, end) again from memory",
    in: "engine/store.ts",
    find: "        before.own();\n",
    put: "",
    test: PROTOCOL,
    filter: "behind a seal",
  },
  {
    bug: "who settles does not sync",
    rule: "Seal: known to be on disk before anybody acknowledges",
    in: "engine/store.ts",
    find: "        before.syncSync(before.end);\n",
    put: "",
    test: PROTOCOL,
    filter: "behind a seal",
  },
  {
    bug: "who settles does not ask whether somebody else did",
    rule: "Seal: sealedInto, or one settles",
    in: "engine/store.ts",
    find: "} else if (this.files.identity(before.path) === before.identity) {",
    put: "} else {",
    test: PROTOCOL,
    filter: "goes by a seal whose log was removed",
  },
  // ------------------------------------------------------------- cleanup
  {
    bug: "a table is built under the name that it will have",
    rule: "Cleanup 1: a name of its own, created exclusively",
    in: "engine/cleanup.ts",
    find: "this.#table = temporary(table, nonce);",
    put: "this.#table = table;",
    test: POWER,
    filter: "in 1 verbs",
  },
  {
    bug: "the new table is not synced",
    rule: "Cleanup 1: build, sync",
    in: "engine/cleanup.ts",
    find: "      yield file;\n",
    put: "",
    test: POWER,
    filter: "in 1 verbs",
  },
  {
    bug: "a cleanup goes on though somebody else was faster",
    rule: "Cleanup 2: if N is sealed by now: stop",
    in: "engine/cleanup.ts",
    find: "if (store.log !== this.#source) return;",
    put: "",
    test: PROTOCOL,
    filter: "cleanup",
  },
  {
    bug: "commits since the cleanup began are left behind",
    rule: "Cleanup 3: with the newer frames",
    in: "engine/cleanup.ts",
    find: "const frames = store.log.framesFrom(this.#from);",
    put: "const frames = store.log.framesFrom(store.log.end);",
    test: PROTOCOL,
    filter: "cleanup",
  },
  {
    bug: "the new log begins its sequence anew",
    rule: "Cleanup 3: sequences kept",
    in: "engine/cleanup.ts",
    find: "Log.encode(sums, next, this.#state.sequence, frames)",
    put: "Log.encode(sums, next, 0, frames)",
    test: PROTOCOL,
    filter: "cleanup",
  },
  {
    bug: "the new log is not synced",
    rule: "Cleanup 3: sync",
    in: "engine/cleanup.ts",
    find: "      file.syncSync();\n",
    put: "",
    test: POWER,
    filter: "in 1 verbs",
  },
  {
    bug: "the directory is not synced before the seal",
    rule: "Cleanup 3: sync the directory",
    in: "engine/cleanup.ts",
    find: "    files.syncDir(dir);\n",
    put: "",
    test: POWER,
    filter: "in 1 verbs",
  },
  {
    bug: "no room is left for a seal",
    rule: "Cleanup 4: its space reserved beforehand",
    in: "engine/log.ts",
    find: "last === FRAME.commit ? EMPTY_FRAME : 0",
    put: "0",
    test: LOG,
  },
  {
    bug: "files go before the seal is written",
    rule: "Cleanup 5: remove what is below the newest sealedInto generation",
    in: "engine/cleanup.ts",
    find: "    store.sealAndFollow();",
    put: "    const old = Object.values(generationPaths(dir, this.#generation));\n" +
      "    for (const path of old) files.remove(path);\n    store.sealAndFollow();",
    test: PROTOCOL,
    filter: "PsBase.open() begins",
  },
  {
    bug: "the newest go first",
    rule: "Cleanup 5: oldest first",
    in: "engine/retention.ts",
    find: "[...older].sort((a, b) => a - b)",
    put: "[...older].sort((a, b) => b - a)",
    test: "tests/base/watch_test.ts",
  },
  {
    bug: "a cleanup that failed while blocking verbs pushed it on counts as done",
    rule: "Cleanup: who asked for it is told",
    in: "engine/upkeep.ts",
    find: "      cleanup.check();\n",
    put: "",
    test: UPKEEP,
  },
  {
    bug: "a handle that is closed goes on holding the cleanup that it began",
    rule: "Cleanup: an abort removes its own temporaries",
    in: "engine/upkeep.ts",
    find: "this.#current?.end(this.#host.closing.reason)",
    put: "void 0",
    test: UPKEEP,
  },
  {
    bug: "blocking verbs never come to the end of a cleanup",
    rule: "Cleanup: it happens by itself when the log grows long",
    in: "engine/upkeep.ts",
    find: "if (this.#current !== undefined) this.#push(",
    put: "if (toString.length > 0) this.#push(",
    test: UPKEEP,
  },
  {
    bug: "cleanupSync() leaves what came after one that was under way",
    rule: "Cleanup: what was asked for now is not done by one that began before",
    in: "engine/upkeep.ts",
    find: "    this.#atLeisure(() => this.#push(true));\n",
    put: "",
    test: UPKEEP,
  },
  {
    bug: "a cleanup that waits for the event loop keeps blocking verbs from any",
    rule: "Cleanup: it happens by itself when the log grows long",
    in: "engine/upkeep.ts",
    find: "if (this.#current === undefined && this.#isDue &&",
    put: "if (this.#current === undefined && !this.isBusy && this.#isDue &&",
    test: UPKEEP,
  },
  {
    bug: "a process that began a cleanup and does not go on keeps all others from one",
    rule: "Cleanup: it happens by itself when the log grows long",
    in: "engine/cleanup.ts",
    find: "if (lock.tryLock() || isStuck(store, lock)) {",
    put: "if (lock.tryLock()) {",
    test: UPKEEP,
    filter: "does not go on",
  },
  {
    bug: "after a cleanup that failed, the next log waits, too",
    rule: "Cleanup: it happens by itself when the log grows long",
    in: "engine/upkeep.ts",
    find: "failure?.generation === generation && end",
    put: "failure !== undefined && end",
    test: UPKEEP,
    filter: "in time",
  },
  // ------------------------------------------------------------- changes in memory
  {
    bug: "a commit reads the table when it was half applied",
    rule: "One commit point: what is in memory is all of a commit, or nothing",
    in: "engine/state.ts",
    find: "if (id >= this.table.nextId) return this.find(id);",
    put: "this.find(id);\n    if (id >= this.table.nextId) return this.find(id);",
    test: "tests/base/index_test.ts",
    filter: "a read of the table fails",
  },
  {
    bug: "rows that were changed keep their columns in memory",
    rule: "Memory: what is kept of a table is bounded",
    in: "engine/blobs.ts",
    find: 'return (" " + this.text(i)).slice(1);',
    put: "return this.text(i);",
    test: "tests/base/update_test.ts",
    filter: "not the columns",
  },
  {
    bug: "a commit changes rows that somebody reads",
    rule: "One commit point: a pinned state stays as it is",
    in: "engine/draft.ts",
    find: "this.#state.pinned ? this.#state.clone() : this.#state;",
    put: "this.#state;",
    test: STATE,
  },
  {
    bug: "who made a change has other rows than who reads it",
    rule: "One commit point: changes in memory are those of the payload",
    in: "engine/draft.ts",
    find: "    this.#tell(state);\n    return state;",
    put:
      "    this.#tell(state);\n    if (state.size > 40) state.delete(state.nextId - 1);\n    return state;",
    test: STATE,
  },
  {
    bug: "clones of an index share what changes",
    rule: "One commit point: a transaction that fails leaves nothing",
    in: "engine/field_index.ts",
    find: "    this.#own.clear();\n",
    put: "",
    test: "tests/engine/field_index_test.ts",
  },
  // ------------------------------------------------------------- opening
  {
    bug: "a table without log is a generation",
    rule: "Opening: a generation is complete when table and log are there",
    in: "engine/layout.ts",
    find: "filter(([, files]) => files === 2)",
    put: "filter(([, files]) => files >= 1)",
    test: POWER,
    filter: "in 1 verbs",
  },
  {
    bug: "opening begins at the newest complete generation",
    rule: "Opening: the newest that is sealed into, else the oldest",
    in: "engine/generations.ts",
    find: "if (log.sealedInto) break;",
    put: "break;",
    test: PROTOCOL,
    filter: "PsBase.open() begins",
  },
  {
    bug: "opening begins at the oldest complete generation",
    rule: "Opening: the newest that is sealed into, else the oldest",
    in: "engine/generations.ts",
    find: "if (log.sealedInto) break;",
    put: "",
    test: PROTOCOL,
    filter: "PsBase.open() begins",
  },
  {
    bug: "one listing is a verdict",
    rule: "Opening: a verdict needs two equal listings",
    in: "engine/generations.ts",
    find: "      if (now === before) {",
    put: "      if (now !== before) {",
    test: PROTOCOL,
  },
  // ------------------------------------------------------------- creating
  {
    bug: "the identity file's name may get to disk last",
    rule: "Creating: an interrupted create is done again",
    in: "engine/create.ts",
    find:
      "  files.syncDir(dir);\n  const sums = new Checksum(crypto.getRandomValues(new Uint8Array(16)));\n" +
      "  yield* makeGeneration",
    put: "  const sums = new Checksum(crypto.getRandomValues(new Uint8Array(16)));\n" +
      "  yield* makeGeneration",
    test: PROTOCOL,
    filter: "create",
  },
  {
    bug: "the identity is written first",
    rule: "Creating: the identity's bytes last",
    in: "engine/create.ts",
    find: "  yield* makeGeneration(files, dir, sums, 1, fill);\n",
    put: "  settleIdentity(files, dir, lock.file, sums);\n" +
      "  yield* makeGeneration(files, dir, sums, 1, fill);\n",
    test: POWER,
    filter: "create",
  },
  {
    bug: "the identity is not synced",
    rule: "Creating: sync, directory, parent directory",
    in: "engine/identity.ts",
    find: "  file.syncSync();\n  files.syncDir(dir);",
    put: "  files.syncDir(dir);",
    test: POWER,
    filter: "create",
  },
  {
    bug: "the parent directory is not synced",
    rule: "Creating: sync, directory, parent directory",
    in: "engine/identity.ts",
    find: "  files.syncDir(parentOf(dir));\n",
    put: "",
    test: POWER,
    filter: "create",
  },
  {
    bug: "the directory is not synced before the identity",
    rule: "Creating: table, log, sync, directory; the identity's bytes last",
    in: "engine/create.ts",
    find: "  files.syncDir(dir);\n  settleIdentity(",
    put: "  settleIdentity(",
    test: POWER,
    filter: "create",
  },
  {
    bug: "an interrupted create passes for a base",
    rule: "Creating: `base` empty or zero is an interrupted create, done again",
    in: "engine/create.ts",
    find: 'return identity !== "empty";',
    put: "return true;",
    test: POWER,
    filter: "create",
  },
  {
    bug: "who has a base open is not told that it is replaced or destroyed",
    rule: "Creating: override and destroy end the log with a final seal",
    in: "engine/create.ts",
    find: "    store?.sealFinally();\n",
    put: "",
    test: PROTOCOL,
    filter: "override and a destroy",
  },
  {
    bug: "override renames before the new generation is in the directory",
    rule: "Creating: the rename of the identity file is the moment",
    in: "engine/create.ts",
    find: "(file) => file.writeAt(encodeIdentity(sums), 0));\n    files.syncDir(dir);",
    put: "(file) => file.writeAt(encodeIdentity(sums), 0));",
    test: POWER,
    filter: "in 1 verbs",
  },
  {
    bug: "destroy removes the identity last",
    rule: "Creating: destroy removes `base` first",
    in: "engine/create.ts",
    find: "  files.remove(join(dir, IDENTITY));\n  files.syncDir(dir);\n" +
      "  for (const name of names) {\n" +
      "    if (name === IDENTITY || parseName(name) === undefined) continue;\n" +
      "    // Somebody makes the next one here: what is left is for him to remove.\n" +
      "    if (files.identity(join(dir, IDENTITY)) !== undefined) return;\n",
    put: "  for (const name of names.sort()) {\n    if (parseName(name) === undefined) continue;\n",
    test: POWER,
    filter: "in 1 verbs",
  },
  // ------------------------------------------------------------- failed creates and backups
  {
    bug: "a backup that fails leaves a copy that nobody verified",
    rule: "DESIGN 5.6: a failed operation leaves nothing",
    in: "engine/build.ts",
    find: "          unmakeBase(files, dir, place);\n",
    put: "",
    test: FAILED_IO,
    filter: "backup",
  },
  {
    bug: "a base of given rows that are refused stays half made",
    rule: "DESIGN 5.6: a failed operation leaves nothing",
    in: "engine/given_rows.ts",
    find: "      steps.throw(error);\n",
    put: "",
    test: "tests/engine/given_rows_test.ts",
    filter: "leaves nothing",
  },
  {
    bug: "a base of given rows has a unique value twice",
    rule: "SEMANTICS: no value of a unique field is there twice",
    in: "engine/given_rows.ts",
    find: "    if (!field.unique) return;\n",
    put: "    return;\n",
    test: "tests/engine/given_rows_test.ts",
    filter: "unique",
  },
  {
    bug: "a write that the system refuses does not say so",
    rule: "DESIGN 5.6: the error says what is known of the write",
    in: "engine/writer.ts",
    find:
      '    return refused(`Cannot write to "${this.#store.dir}"`, "nothing was changed", error);',
    put: "    return error;",
    test: FAILED_IO,
    filter: "insert",
  },
  // ------------------------------------------------------------- watching
  {
    bug: "what is told is not synced before",
    rule: "watch: what it yields is on disk",
    in: "engine/feed.ts",
    find: "if (!this.#readOnly) await log.flush();",
    put: "if (!this.#readOnly) await 0;",
    test: "tests/crash/watch_test.ts",
    filter: "carried over",
  },
  {
    bug: "what was carried over behind a seal that is not on disk is told",
    rule: "watch: what it yields is on disk",
    in: "engine/feed.ts",
    find: "return found.log.sealedInto ? found : this.#behind(found);",
    put: "return found;",
    test: "tests/crash/watch_test.ts",
    filter: "carried over",
  },
  {
    bug: "one that only reads goes by what it sees, not by the mark",
    rule: "watch: what it yields is on disk",
    in: "engine/feed.ts",
    find: "log.lookClaim()",
    put: "log.end",
    test: WATCH,
    filter: "only reads waits",
  },
  {
    bug: "cleanup removes what somebody watches",
    rule: "watch: none is missed",
    in: "engine/retention.ts",
    find: "if (!file.tryLock()) return false;",
    put: "",
    test: WATCH,
    filter: "misses nothing",
  },
  {
    bug: "commits before `since` are told again",
    rule: "watch: none is told twice",
    in: "engine/feed.ts",
    find: "const isNew = sequence > this.#given;",
    put: "const isNew = true;",
    test: WATCH,
    filter: "goes on behind any commit",
  },
  {
    bug: "cleanup keeps nothing for those who come later",
    rule: "watch: keepChanges",
    in: "engine/retention.ts",
    find: "first > sequence - keepChanges",
    put: "false",
    test: WATCH,
    filter: "keeps as many commits",
  },
  // ------------------------------------------------------------- reading
  {
    bug: "what is kept of a table is never let go",
    rule: "Memory is bounded by cacheBytes",
    in: "engine/cache.ts",
    find: "this.#kept.delete(key);",
    put: "",
    test: "tests/engine/cache_test.ts",
  },
  {
    bug: "a page keeps all of the piece that it was read with",
    rule: "Memory is bounded by cacheBytes",
    in: "engine/extent.ts",
    find: "const copy = bytes.slice(at, at + PAGE);",
    put: "const copy = bytes.subarray(at, at + PAGE);",
    test: "tests/engine/table_test.ts",
  },
  {
    bug: "cacheBytes does not reach the table",
    rule: "Memory is bounded by cacheBytes",
    in: "engine/generations.ts",
    find: "log.generation, cacheBytes)",
    put: "log.generation)",
    test: "tests/base/open_test.ts",
    filter: "cacheBytes",
  },
  {
    bug: "what was found last is given to a condition that is nearly the same",
    rule: "Conditions hold for all that is given",
    in: "engine/matcher.ts",
    find: "if (a.nulls !== b.nulls) return false;",
    put: "",
    test: "tests/engine/group_test.ts",
  },
  {
    bug: "a part is found where it reaches into the next text",
    rule: "Conditions hold for all that is given",
    in: "engine/byte_search.ts",
    find: "if (at + part.length <= offsets[i + 1]!) {",
    put: "{",
    test: "tests/engine/byte_search_test.ts",
  },
  {
    bug: "count takes the word of an index for rows that the log changed",
    rule: "An index changes no answer",
    in: "engine/state.ts",
    find: "isExact: this.#patches.size === 0,",
    put: "isExact: true,",
    test: "tests/base/index_test.ts",
  },
  {
    bug: "an open end of a range of datetimes matches",
    rule: "Columns answer as single values do",
    in: "engine/column.ts",
    find: "nanos + (lowOpen ? 1 : 0)",
    put: "nanos",
    test: "tests/base/many_values_test.ts",
    filter: "model says: datetime",
  },
  {
    bug: "a list of datetimes is compared with each row",
    rule: "No condition costs list × rows",
    in: "engine/matcher.ts",
    find: "if (values.length <= FEW) return",
    put: "if (values.length >= 0) return",
    test: "tests/base/many_values_test.ts",
    filter: "many values: datetime",
  },
  {
    bug: "links within one call are stored though other rows took the ids",
    rule: "A link leads to the row that the caller meant",
    in: "engine/edits.ts",
    find: "const isOwn = first === nextId && ",
    put: "const isOwn = ",
    test: "tests/base/link_test.ts",
    filter: "other rows take",
  },
  {
    bug: "the order of an index shows rows that the log changed as they were",
    rule: "An index changes no answer",
    in: "engine/state.ts",
    find: "if (this.patchOf(part)?.get(id) !== undefined) continue;",
    put: "",
    test: "tests/base/index_test.ts",
    filter: "min and max",
  },
  {
    bug: "ties are in descending order, too, where an index descends",
    rule: "Ties by id, in both directions",
    in: "engine/field_index.ts",
    find: "ids: descending ? ids.reverse() : ids,",
    put: "ids,",
    test: "tests/base/index_test.ts",
    filter: "with indexes and without",
  },
  {
    bug: "a code without a text loses what was found before it",
    rule: "What a file tells is checked",
    in: "engine/column.ts",
    find: "kept += hits[codes[row]!]! | 0;",
    put: "kept = (kept + hits[codes[row]!]!) | 0;",
    test: "tests/engine/group_test.ts",
  },
  {
    bug: "a step may lead below what a field can hold",
    rule: "What a file tells is checked",
    in: "engine/numbers.ts",
    find: "(step === undefined || isCount(step))",
    put: "true",
    test: "tests/hostile_test.ts",
    filter: "PsBase tells of a group",
  },
];

const ROOT = new URL("../", import.meta.url).pathname;
/** So long a test may take, in milliseconds: some bugs make it wait for ever. */
const LIMIT_MS = 300_000;

function copyProject(): string {
  const dir = Deno.makeTempDirSync({ prefix: "psbase_bugs_" });
  const names = [...Deno.readDirSync(ROOT)].map(({ name }) => `${ROOT}${name}`);
  const args = ["-r", ...names.filter((name) => !/\.git$|node_modules$/.test(name)), dir];
  if (!new Deno.Command("cp", { args }).outputSync().success) throw new Error("cp failed");
  return dir;
}

/** Runs a test in the patched copy. */
async function run(dir: string, { test, filter }: Bug): Promise<string> {
  const args = ["test", "-A", "--no-check", "--fail-fast", test];
  if (filter !== undefined) args.push("--filter", filter);
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: dir,
    env: { NO_COLOR: "1", PSBASE_SEED: "1" },
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(LIMIT_MS),
  });
  const { success, stdout, signal } = await child.output();
  const text = new TextDecoder().decode(stdout);
  const failed = /^(.*) \.\.\. FAILED/m.exec(text)?.[1];
  if (failed !== undefined) return `\`${test}\`: ${failed}`;
  if (signal !== null) return `\`${test}\` does not end`;
  return success && / [1-9]\d* passed/.test(text) ? "SURVIVED" : "BROKEN: the test did not run";
}

if (import.meta.main) {
  const words = Deno.args;
  const chosen = BUGS.filter((bug) => {
    return words.every((word) => Object.values(bug).join("\n").includes(word));
  });
  const dir = copyProject();
  let caught = 0;
  try {
    for (const bug of chosen) {
      const path = `${dir}/${bug.in}`;
      const code = Deno.readTextFileSync(path);
      let verdict = "GONE: the text to be replaced is not there once";
      if (code.split(bug.find).length === 2) {
        Deno.writeTextFileSync(path, code.replace(bug.find, () => bug.put));
        verdict = await run(dir, bug);
        Deno.writeTextFileSync(path, code);
      }
      if (!/^[A-Z]+\b/.test(verdict)) caught++;
      // deno-lint-ignore no-console -- it is a command
      console.log(`| ${bug.bug} | ${bug.rule} | ${verdict} |`);
    }
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
  // deno-lint-ignore no-console -- it is a command
  console.log(`${caught} of ${chosen.length} caught`);
  Deno.exit(caught === chosen.length ? 0 : 1);
}
