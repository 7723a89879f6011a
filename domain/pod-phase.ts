// What the phase of a pod means for whoever drains, counts or places it.

/** Whether all its containers have ended for good: it serves nobody and takes no room. */
export function isFinished({ phase }: { readonly phase?: string | undefined }): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}
