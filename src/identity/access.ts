import { applyDecorators, SetMetadata } from '@nestjs/common';

/** Where @nestjs/swagger keeps what a route asks for; `{}` in the document means that it asks for nothing. */
const API_SECURITY = 'swagger/apiSecurity';

export const PUBLIC = Symbol('public');
export const ROLES = Symbol('roles');
export const KEY_SUFFICES = Symbol('key suffices');

/** Open to everybody. Everything else needs a session or the API key. */
export const Public = () => applyDecorators(SetMetadata(PUBLIC, true), SetMetadata(API_SECURITY, [{}]));

/** The API key is enough by itself: asked for also while the database, which knows whose it is, is away. */
export const KeySuffices = () => SetMetadata(KEY_SUFFICES, true);

/** Only for accounts with one of these roles or rights (`oversee`, say); `staff` stands for everybody of the centre, `partner` for every partner. */
export const Roles = (...roles: readonly string[]) => applyDecorators(SetMetadata(ROLES, roles));
