export default function About() {
  return (
    <section id="page-about">
      <h1>About</h1>
      <p>Every page here was written at build time.</p>
    </section>
  );
}
