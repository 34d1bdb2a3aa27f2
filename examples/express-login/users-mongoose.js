import mongoose from 'mongoose'

/** A user as the database keeps them. */
const UserSchema = new mongoose.Schema({
  name: { type: String, required: true, unique: true },
  passwordHash: { type: String, required: true },
})

/** The same table in MongoDB, with a mongoose schema. */
export async function mongooseTable(url) {
  const connection = await mongoose.createConnection(url).asPromise()
  const User = connection.model('User', UserSchema)
  await User.init() // the unique index, before anybody is added

  return {
    async find(name) {
      const user = await User.findOne({ name })
      return user ? { id: user.id, name: user.name, passwordHash: user.passwordHash } : undefined
    },
    async insert(user) {
      await User.create(user)
    },
    async all() {
      const everybody = await User.find().sort('name').limit(100)
      return everybody.map(({ id, name }) => ({ id, name }))
    },
    close: () => connection.close(),
  }
}
