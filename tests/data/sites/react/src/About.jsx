import "./About.css";

export default function About() {
  return (
    <section id="page-about">
      <h1>About</h1>
      <p>
        This page came with build <strong id="about-label">{__LABEL__}</strong>.
      </p>
    </section>
  );
}
