// Which of the variables that configure a connection to Temporal count: one rule for client and
// worker, and for @temporalio/envconfig, which takes every variable that is set.

/** In TEMPORAL_GRPC_META_* an empty value takes the header of the profile away. */
const headerPrefix = 'TEMPORAL_GRPC_META_';

/** Compose and CI set what they do not know to nothing: empty variables count as absent. */
export function givenVariables(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && (entry[1] !== '' || entry[0].startsWith(headerPrefix)),
    ),
  );
}
