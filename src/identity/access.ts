import { applyDecorators, SetMetadata } from '@nestjs/common';

export const PUBLIC = Symbol('public');
export const ROLES = Symbol('roles');

/** Open to everybody. Everything else needs a session or the API key. */
export const Public = () => SetMetadata(PUBLIC, true);

/** Only for accounts with one of these roles; `staff` stands for everybody of the centre, `partner` for every partner. */
export const Roles = (...roles: readonly string[]) => applyDecorators(SetMetadata(ROLES, roles));
