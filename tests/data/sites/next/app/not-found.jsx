export default function NotFound() {
  return (
    <section id="page-missing">
      <h1>This page hangs elsewhere</h1>
    </section>
  );
}
