import { createRoot } from 'react-dom/client'

function Greeting() {
  return <h1>Hello from {import.meta.env.VITE_PLACE ?? 'React'}</h1>
}

createRoot(document.getElementById('root')).render(<Greeting />)
