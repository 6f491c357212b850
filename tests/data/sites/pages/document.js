// A page all of which is React's, the head as well, as React Router and Remix make them.
export const document_of = ({ createElement: e, useState }) =>
  function Document() {
    const [count, setCount] = useState(0)
    return e(
      'html',
      { lang: 'en' },
      e('head', null, e('meta', { charSet: 'utf-8' }), e('title', null, 'A document')),
      e(
        'body',
        null,
        e('button', { id: 'count', onClick: () => setCount(count + 1) }, `Turns: ${count}`),
        e('script', { src: 'client.js' }),
      ),
    )
  }
