/** What tools/edge writes beside the entry when it builds the worker. */

/** A Deployment as JSON, for Go. */
export const deployment: string;
/** The headers of every answer that is made without Go. */
export const headers: Record<string, string>;
/** Patterns of the addresses that Go answers for. */
export const dynamic: string[];
