// The child's side of ../reporter.ts: started with what it is about (a kubeconfig, an address) as
// its only argument, it says `ready` when it is under way, and its report when it is asked for it,
// which is its end.

/** What it says to its parent over the process channel. */
export type ReporterMessage<Report> =
  | { readonly kind: 'ready' }
  | { readonly kind: 'report'; readonly report: Report };

/** `begin` resolves when all is under way, to what ends it and counts. */
export async function serveReport<Report>(
  begin: (about: string) => Promise<() => Promise<Report>>,
): Promise<void> {
  const [, program, about] = process.argv;
  if (about === undefined) throw new Error(`usage: ${program} ABOUT`);
  const say = (message: ReporterMessage<Report>): void => void process.send?.(message);
  // The parent is gone: nobody wants the report any more. It may go while this one begins.
  process.once('disconnect', () => process.exit(0));
  if (!process.connected) process.exit(0);
  const end = await begin(about);
  process.once('message', () => {
    void end().then((report) => {
      say({ kind: 'report', report });
      process.disconnect();
      process.exit(0);
    });
  });
  say({ kind: 'ready' });
}
