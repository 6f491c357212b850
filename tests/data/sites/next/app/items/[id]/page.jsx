export const dynamicParams = false;

export function generateStaticParams() {
  return ["1", "2", "a b"].map((id) => ({ id }));
}

export default async function Item({ params }) {
  const { id } = await params;
  return (
    <section id="page-item">
      <h1>
        Item <span id="item-id">{decodeURIComponent(id)}</span>
      </h1>
    </section>
  );
}
