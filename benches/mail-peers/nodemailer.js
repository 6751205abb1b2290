// The digest of a letter's file, rendered for each reader by nunjucks and sent by nodemailer with a
// pool of 16: node nodemailer.js PORT LETTERS FILE
const { execFileSync } = require('node:child_process')
const nodemailer = require('nodemailer')
const nunjucks = require('nunjucks')

const [port, letters, file] = process.argv.slice(2)
const read = `import email, email.policy, json, sys
letter = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
print(json.dumps([letter["Subject"]] + [letter.get_body((kind,)).get_content() for kind in ("plain", "html")]))`
const [subject, ...parts] = JSON.parse(execFileSync('python3', ['-c', read, file]))
const engine = new nunjucks.Environment(null, { autoescape: true })
const own = (part) => nunjucks.compile(part.replace(/https?:\/\/[^\s"<>]*\/leave\/[^\s"<>]*/g, '{{ leave }}'), engine)
const [text, html] = parts.map(own)
const pool = nodemailer.createTransport({ host: '127.0.0.1', port: Number(port), pool: true, maxConnections: 16, maxMessages: Infinity, ignoreTLS: true })
const send = (number) => {
  const leave = `https://news.example.org/leave/${number}.0.AAAAAAAAAAAAAAAAAAAAAA`
  return pool.sendMail({
    from: 'news@example.org', to: `reader${number}@example.org`, subject,
    text: text.render({ leave }), html: html.render({ leave }), textEncoding: 'base64',
    headers: { 'List-Unsubscribe': `<${leave}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }
  })
}
;(async () => {
  let next = 0
  const work = async () => { while (next < Number(letters)) await send(next++) }
  await Promise.all(Array.from({ length: 32 }, work))
  pool.close()
})()
