/**
 * Tells the gateway that the client's certificate has a name, which is a user's where etcd's
 * --client-cert-auth is set and is none here. Whoever sets it without need is only refused more.
 */
export const CERTIFICATE_HEADER = 'x-client-certificate'
