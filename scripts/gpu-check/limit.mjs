/** The limit of a process that may take `seconds`, as spawnSync takes it: whole, and never 0, which would be none. */
export const milliseconds = seconds => Math.max(1, Math.round(1000 * seconds));
