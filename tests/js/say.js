// How the scripts here talk with the test that started them: one JSON object a line, out on stdout,
// in on stdin.
'use strict'
const readline = require('readline')

const waiting = []
const heard = []

const lines = readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line)
  if (waiting.length > 0) waiting.shift()(message)
  else heard.push(message)
})

/** Tells the test of an event. */
exports.say = (event, more = {}) => process.stdout.write(`${JSON.stringify({ event, ...more })}\n`)

/** Listens no more, so that the script ends when it has nothing left to do. */
exports.end = () => lines.close()

/** The next thing that the test says. */
exports.listen = () => heard.length > 0
  ? Promise.resolve(heard.shift())
  : new Promise((resolve) => waiting.push(resolve))
