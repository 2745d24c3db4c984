// Texts whose tokens are counted by js-tiktoken and by us.  samples.jsonl holds the counts; tests/integration/tokens.test.mjs
// checks that they are what the package says.
const prose = {
  english: "The harbour was quiet that morning. A single boat moved slowly past the lighthouse, and nobody on the pier could tell whether it was leaving or coming home. We drank our coffee, read yesterday's paper and talked about the price of fish, which had doubled since the spring.",
  german: "Der Hafen lag an jenem Morgen still. Ein einziges Boot glitt langsam am Leuchtturm vorbei, und niemand auf dem Steg konnte sagen, ob es auslief oder heimkehrte. Wir tranken Kaffee, lasen die Zeitung von gestern und sprachen über die Fischpreise, die sich seit dem Frühjahr verdoppelt hatten.",
  french: "Le port était calme ce matin-là. Un seul bateau passait lentement devant le phare, et personne sur le quai ne savait s'il partait ou s'il rentrait. Nous buvions notre café en lisant le journal de la veille, et nous parlions du prix du poisson, qui avait doublé depuis le printemps.",
  spanish: "Aquella mañana el puerto estaba en calma. Un solo barco pasaba despacio junto al faro y nadie en el muelle sabía si salía o si volvía a casa. Tomábamos café, leíamos el periódico de ayer y hablábamos del precio del pescado, que se había duplicado desde la primavera.",
  portuguese: "Naquela manhã o porto estava calmo. Um único barco passava devagar pelo farol e ninguém no cais sabia dizer se partia ou se voltava. Bebíamos café, líamos o jornal de ontem e falávamos do preço do peixe, que dobrara desde a primavera.",
  italian: "Quella mattina il porto era tranquillo. Una sola barca passava lentamente davanti al faro e nessuno sul molo sapeva dire se partisse o tornasse. Bevevamo il caffè, leggevamo il giornale di ieri e parlavamo del prezzo del pesce, raddoppiato dalla primavera.",
  russian: "В то утро в гавани было тихо. Одна-единственная лодка медленно шла мимо маяка, и никто на причале не мог сказать, уходит она или возвращается. Мы пили кофе, читали вчерашнюю газету и говорили о ценах на рыбу, которые с весны выросли вдвое.",
  chinese: "那天早晨港口很安静。一条小船慢慢驶过灯塔，码头上没有人说得清它是出海还是回家。我们喝着咖啡，读着昨天的报纸，谈论鱼的价格，从春天到现在已经涨了一倍。",
  traditional: "那天早晨港口很安靜。一條小船慢慢駛過燈塔，碼頭上沒有人說得清它是出海還是回家。我們喝著咖啡，讀著昨天的報紙，談論魚的價格。",
  japanese: "その朝、港は静かだった。一隻の船が灯台のそばをゆっくりと通り過ぎたが、出て行くのか帰って来るのか、桟橋の誰にも分からなかった。私たちはコーヒーを飲み、昨日の新聞を読み、春から倍になった魚の値段について話した。",
  korean: "그날 아침 항구는 조용했다. 배 한 척이 등대 옆을 천천히 지나갔지만 부두의 누구도 그것이 떠나는지 돌아오는지 알 수 없었다. 우리는 커피를 마시고 어제 신문을 읽으며 봄보다 두 배로 오른 생선값 이야기를 했다.",
  arabic: "كان الميناء هادئا في ذلك الصباح. مر قارب واحد ببطء بجانب المنارة، ولم يستطع أحد على الرصيف أن يقول هل كان مغادرا أم عائدا إلى البيت. شربنا القهوة وقرأنا صحيفة الأمس وتحدثنا عن سعر السمك.",
  hindi: "उस सुबह बंदरगाह शांत था। एक अकेली नाव धीरे-धीरे प्रकाशस्तंभ के पास से गुज़री और घाट पर कोई नहीं बता सका कि वह जा रही थी या घर लौट रही थी। हमने कॉफ़ी पी और कल का अख़बार पढ़ा।",
  polish: "Tego ranka w porcie panowała cisza. Jedna łódź powoli mijała latarnię i nikt na nabrzeżu nie umiał powiedzieć, czy wypływa, czy wraca. Piliśmy kawę, czytaliśmy wczorajszą gazetę i rozmawialiśmy o cenie ryb.",
  cpp: "template <typename T>\nstd::optional<T> RingBuffer<T>::pop() noexcept {\n    if (head_ == tail_) {\n        return std::nullopt;\n    }\n    T value = std::move(slots_[head_ & mask_]);\n    ++head_;  // the writer sees room from here on\n    return value;\n}\n",
  python: "def moving_average(values, window=5):\n    \"\"\"Mean of the last `window` values, one per input.\"\"\"\n    total = 0.0\n    queue = deque()\n    for value in values:\n        queue.append(value)\n        total += value\n        if len(queue) > window:\n            total -= queue.popleft()\n        yield total / len(queue)\n",
  sql: "SELECT c.name, COUNT(o.id) AS orders, SUM(o.total_cents) / 100.0 AS revenue\nFROM customers c LEFT JOIN orders o ON o.customer_id = c.id\nWHERE o.created_at >= '2026-01-01' GROUP BY c.name HAVING COUNT(o.id) > 3 ORDER BY revenue DESC LIMIT 20;",
  json: "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\",\"description\":\"Name of the city\"},\"days\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":14},\"units\":{\"enum\":[\"metric\",\"imperial\"]}},\"required\":[\"city\"],\"additionalProperties\":false}",
  markdown: "## Release notes\n\n- **Fixed**: the parser no longer drops the last line ([#482](https://example.com/issues/482)).\n- **Changed**: `--timeout` takes a unit, e.g. `30s`.\n\n| name | before | after |\n|------|-------:|------:|\n| p50  | 12.4ms |  3.1ms |\n\n> Upgrade with care.\n",
  log: "2026-03-14T09:26:53.589Z level=warn host=10.20.30.40:8443 request_id=7f3c9a1e-55d2-4b7e-9c41-0a6d8e2b1f90 status=503 duration_ms=1240 msg=\"upstream attempt failed\"",
};
const edges = [
  "", " ", "  ", "\n", "\r\n\r\n", "\t\tx", " \n  y", "a", "I'll we've THEY'RE it's DON'T 'tis", "1234567890 3.14159 ½ ٣٤٥", "!!!???...///---",
  "https://example.com/a/b?c=d&e=f#g", "<|endoftext|> is text here", "😀👍🏽👨‍👩‍👧‍👦 🇩🇪", "e\u0301le\u0300ve", "\u00a0\u2003wide\u3000spaces", "ǅungla ʰa ªº", "snake_case camelCase PascalCase SCREAMING_CASE kebab-case",
  "a".repeat(300), "ab".repeat(200), "我".repeat(100), "x y ".repeat(50), "=".repeat(200), " ".repeat(77) + "end", "\n".repeat(33),
];
// The same sequence on every machine.
let seed = 20260314;
const random = (n) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % n;
const scraps = ["a", "B", "é", "É", "ß", "中", "文", "の", "カ", "한", "ي", "अ", "ि", "\u0301", "1", "23", "٣", "½", " ", "  ", "\t", "\n", "\r\n", "'s", "'LL", "'", "\"", "/", "//", "-", "…", "😀", "👍🏽", "\u00a0", "ǅ", "ʰ", "Ж", "ж", "THE", "the", "_", ".", "ing"];
const scrambled = Array.from({ length: 400 }, () => Array.from({ length: 1 + random(16) }, () => scraps[random(scraps.length)]).join(""));

export const samples = [
  ...Object.entries(prose).map(([name, text]) => ({ name, text })),
  ...edges.map((text, i) => ({ name: `edge ${i}`, text })),
  ...scrambled.map((text, i) => ({ name: `scrambled ${i}`, text })),
];
