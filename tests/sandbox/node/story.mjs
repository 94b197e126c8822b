// Stripe's official client for Node at the simulator. Arguments: its address, the key, the payee,
// a charge, and how many charges there are. Prints what it has seen as JSON.
import Stripe from "stripe";

const [address, key, payee, charge, count] = process.argv.slice(2);
const { hostname, port } = new URL(address);
const stripe = new Stripe(key, { host: hostname, port, protocol: "http", maxNetworkRetries: 0 });

async function refusalOf(call) {
  try {
    await call();
    return null;
  } catch (error) {
    return { name: error.type, status: error.statusCode, code: error.code ?? null };
  }
}

const session = await stripe.checkout.sessions.create({
  mode: "payment",
  client_reference_id: "bk-node",
  success_url: "https://berthold.test/back",
  line_items: [
    {
      quantity: 1,
      price_data: { currency: "eur", unit_amount: 5000, product_data: { name: "Booking" } },
    },
  ],
});
const expired = await stripe.checkout.sessions.expire(session.id);
const whole = await stripe.charges.retrieve(charge, { expand: ["balance_transaction"] });
const walked = [];
for await (const each of stripe.charges.list({ limit: 2, created: { gte: 1 } })) {
  walked.push(each.id);
}
const once = { idempotencyKey: "rf-node" };
const refund = await stripe.refunds.create({ charge, amount: 100 }, once);
const again = await stripe.refunds.create({ charge, amount: 100 }, once);
const transfer = await stripe.transfers.create({
  amount: 1000,
  currency: "eur",
  destination: payee,
  source_transaction: charge,
});
await stripe.transfers.createReversal(transfer.id, { amount: 400 });
const reversed = await stripe.transfers.retrieve(transfer.id);

console.log(
  JSON.stringify({
    expired: expired.status,
    fee: whole.balance_transaction.fee,
    walked_all: walked.length === Number(count) && new Set(walked).size === walked.length,
    refunded_once: refund.id === again.id,
    back: reversed.amount_reversed,
    reversals: reversed.reversals.data.length,
    unknown: await refusalOf(() => stripe.charges.retrieve("ch_none")),
    cursor: await refusalOf(() => stripe.charges.list({ starting_after: "ch_none" })),
    limit: await refusalOf(() => stripe.charges.list({ limit: "abc" })),
    route: await refusalOf(() => stripe.customers.list()),
    key: await refusalOf(() => stripe.refunds.create({ charge, amount: 200 }, once)),
  }),
);
