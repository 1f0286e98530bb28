// Opens the page argv[2] in headless Chromium with the fresh profile folder argv[3]. What the page
// tells goes to the test; {"do": "NAME", "with": …} calls the page's function NAME, {"do": "reload"}
// loads it again, {"do": "end"} ends.
'use strict'
const { chromium } = require('playwright-core')
const { say, listen } = require('./say.js')

async function main () {
  const context = await chromium.launchPersistentContext(process.argv[3], {
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync']
  })
  const page = await context.newPage()
  await page.exposeFunction('tell', (line) => process.stdout.write(`${line}\n`))
  page.on('console', (message) => {
    if (message.type() === 'error') say('console', { text: message.text() })
  })
  await page.goto(process.argv[2])
  say('ready')
  for (;;) {
    const order = await listen()
    if (order.do === 'end') break
    if (order.do === 'reload') {
      await page.reload()
      say('ready')
    } else {
      await page.evaluate(([name, value]) => { window[name](value) }, [order.do, order.with])
    }
  }
  await context.close()
  process.exit(0)
}

main().catch((error) => {
  say('failed', { message: String(error) })
  process.exit(1)
})
