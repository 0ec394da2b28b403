/**
 * `explain`: shows the plan of a `select`. It searches indexes and reads zone maps, but it tests no
 * row and calls no predicate function.
 *
 * @module
 */

import type { Explanation } from "../schema/options.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { type Candidates, plan } from "./plan.ts";
import type { Query } from "./query.ts";
import { filterOf } from "./row_filter.ts";
import { type Selection, topRowsOf } from "./select.ts";

/** Explains how `select` finds its rows. */
export function explainSelect(snapshot: Snapshot, query: Query, selection: Selection): Explanation {
  const { candidates, walk, count = null } = plan(snapshot, query, topRowsOf(selection));
  const search: Explanation = candidates === undefined
    ? { method: "scan", index: null, count, ...costOfScan(snapshot, query), fallback: null }
    : {
      method: "index",
      index: candidates.fields.join(", "),
      count,
      ...costOfLookUp(snapshot, candidates),
      fallback: null,
    };
  if (walk === undefined) return search;
  const rowsRead = Math.min(walk.maxProbes, candidates?.hits.count ?? snapshot.size);
  return {
    method: "order",
    index: walk.field.name,
    count,
    rowsRead,
    groupsRead: Math.min(rowsRead, snapshot.segment.groups.length),
    groupsSkipped: 0,
    fallback: walk.allMatch ? null : search,
  };
}

type Cost = Pick<Explanation, "rowsRead" | "groupsRead" | "groupsSkipped">;

function costOfScan(snapshot: Snapshot, query: Query): Cost {
  const filter = filterOf(snapshot, query);
  let [rowsRead, groupsSkipped] = [snapshot.size, 0];
  for (const { part, delta } of snapshot.slices()) {
    if (part === undefined || !filter.canPrune(part)) continue;
    rowsRead -= part.rows - (delta?.length ?? 0);
    // Other groups stand in the log.
    if (part.first < snapshot.segment.nextId) groupsSkipped++;
  }
  return { rowsRead, groupsRead: snapshot.segment.groups.length - groupsSkipped, groupsSkipped };
}

function costOfLookUp({ segment }: Snapshot, { hits }: Candidates): Cost {
  const groupsRead = segment.locateAll(hits.segmentRows()).length;
  return { rowsRead: hits.count, groupsRead, groupsSkipped: 0 };
}
