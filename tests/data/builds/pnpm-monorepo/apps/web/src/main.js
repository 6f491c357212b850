import { greeting } from 'greeting'

document.body.append(greeting('the monorepo'))
