// Any id is good, so these pages cannot be written ahead.
export const prerender = false;

export function load({ params }) {
  return { id: params.id };
}
